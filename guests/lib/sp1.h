/* A small runtime for SP1 guests in C, for v5 (RV32IM) and v6 (RV64IM).
 *
 * A guest defines `guest_main`, which returns its exit code. Input comes buffer by buffer, as the
 * host wrote it into SP1Stdin; output is whatever is published. The runtime keeps a SHA-256 of all
 * that is published and commits it at the end, as SP1's verifier demands.
 */
#ifndef SP1_H
#define SP1_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long word; /* a register: 32 bits in v5, 64 in v6 */

enum syscall {
    SYS_HALT = 0x00,
    SYS_WRITE = 0x02,
    SYS_ENTER_UNCONSTRAINED = 0x03,
    SYS_EXIT_UNCONSTRAINED = 0x04,
    SYS_COMMIT = 0x10,
    SYS_COMMIT_DEFERRED_PROOFS = 0x1A,
    SYS_VERIFY_SP1_PROOF = 0x1B,
    SYS_HINT_LEN = 0xF0,
    SYS_HINT_READ = 0xF1,
    SYS_KECCAK_PERMUTE = 0x00010109,
    SYS_SHA_EXTEND = 0x00300105,
    SYS_SHA_COMPRESS = 0x00010106,
    SYS_UINT256_MUL = 0x0001011D,
    SYS_SECP256K1_DOUBLE = 0x0000010B,
};

enum descriptor { FD_STDOUT = 1, FD_STDERR = 2, FD_PUBLIC_VALUES = 13, FD_HINT = 14, FD_ECRECOVER = 15 };

#define NO_INPUT (~(word)0)

/* One system call: number in t0, arguments in a0 to a2, result in t0. */
static inline word sp1_call(word number, word a, word b, word c) {
    register word t0 __asm__("t0") = number;
    register word a0 __asm__("a0") = a;
    register word a1 __asm__("a1") = b;
    register word a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(t0) : "r"(a0), "r"(a1), "r"(a2) : "memory");
    return t0;
}

/* The length of the next input buffer, or NO_INPUT. */
static inline word sp1_input_length(void) { return sp1_call(SYS_HINT_LEN, 0, 0, 0); }

/* Takes the next input buffer of this length; it stays where it is for the rest of the run. */
const u8 *sp1_input(word length);

/* Appends to the public values. */
void sp1_publish(const void *bytes, word length);

/* Ends the program: commits the digest of the public values, then halts. */
void sp1_exit(u32 code) __attribute__((noreturn));

/* What a guest defines. */
u32 guest_main(void);

static inline u32 load_u32(const u8 *p) {
    return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

static inline u64 load_u64(const u8 *p) { return load_u32(p) | (u64)load_u32(p + 4) << 32; }

static inline void store_u32(u8 *p, u32 value) {
    for (int i = 0; i < 4; i++) p[i] = (u8)(value >> 8 * i);
}

static inline void store_u64(u8 *p, u64 value) {
    store_u32(p, (u32)value);
    store_u32(p + 4, (u32)(value >> 32));
}

#endif
