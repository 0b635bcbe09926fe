/* What well-behaved guests may do, one feature at a time, to compare executors with SP1's.
 *
 * Input: one buffer, the number of the feature as u32 little-endian, then what the feature reads.
 * Public values: depend on the feature. Exit code: 1 for an unknown feature.
 */
#include "sp1.h"

static void publish_word(u64 value) {
    u8 bytes[8];
    store_u64(bytes, value);
    sp1_publish(bytes, sizeof bytes);
}

/* Every multiplication, division and shift, on operands at the edges. */

static const u64 EDGES[] = {
    0, 1, 2, 3, 7, 31, 32, 63, 64, 0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF, 0x100000000,
    0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFF80000000, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF,
};
#define EDGE_COUNT (sizeof EDGES / sizeof *EDGES)

static u64 mixed;

static void mix(word value) { mixed = (mixed ^ value) * 0x100000001B3 + (mixed >> 29); }

#define OPERATION(name)                                                                            \
    do {                                                                                           \
        word result;                                                                               \
        __asm__ volatile(#name " %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));                     \
        mix(result);                                                                               \
    } while (0)

static void operate(word a, word b) {
    OPERATION(add); OPERATION(sub); OPERATION(and); OPERATION(or); OPERATION(xor);
    OPERATION(slt); OPERATION(sltu); OPERATION(sll); OPERATION(srl); OPERATION(sra);
    OPERATION(mul); OPERATION(mulh); OPERATION(mulhsu); OPERATION(mulhu);
    OPERATION(div); OPERATION(divu); OPERATION(rem); OPERATION(remu);
#if __riscv_xlen == 64
    OPERATION(addw); OPERATION(subw); OPERATION(sllw); OPERATION(srlw); OPERATION(sraw);
    OPERATION(mulw); OPERATION(divw); OPERATION(divuw); OPERATION(remw); OPERATION(remuw);
#endif
}

static u32 arithmetic(void) {
    for (u32 i = 0; i < EDGE_COUNT; i++)
        for (u32 j = 0; j < EDGE_COUNT; j++) operate((word)EDGES[i], (word)EDGES[j]);
    publish_word(mixed);
    return 0;
}

/* Loads and stores of every width, with and without sign. */

static u32 memory_widths(void) {
    static union { u8 bytes[64]; signed char b[64]; short h[32]; int w[16]; u64 d[8]; } at;
    for (u32 i = 0; i < 64; i++) at.bytes[i] = (u8)(i * 37 + 200);
    volatile signed char *b = at.b;
    volatile short *h = at.h;
    volatile int *w = at.w;
    volatile u64 *d = at.d;
    for (u32 i = 0; i < 64; i++) mix((word)b[i]), mix((u8)b[i]);
    for (u32 i = 0; i < 32; i++) mix((word)h[i]), mix((unsigned short)h[i]), h[i] = (short)(h[i] + 1);
    for (u32 i = 0; i < 16; i++) mix((word)w[i]), mix((u32)w[i]), w[i] = (int)((u32)w[i] * 3);
    for (u32 i = 0; i < 8; i++) mix((word)d[i]), d[i] += mixed;
    sp1_publish(at.bytes, sizeof at);
    return 0;
}

/* SP1's SHA-256 precompiles over one block of input. A word has a slot of its own: 8 bytes in v6. */

static u32 sha256_precompiles(void) {
    static word schedule[64];
    static word state[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    if (sp1_input_length() != 64) return 1;
    const u8 *block = sp1_input(64);
    for (u32 i = 0; i < 16; i++) {
        u32 little = load_u32(block + 4 * i);
        schedule[i] = little << 24 | (little << 8 & 0xFF0000) | (little >> 8 & 0xFF00) | little >> 24;
    }
    sp1_call(SYS_SHA_EXTEND, (word)schedule, 0, 0);
    sp1_call(SYS_SHA_COMPRESS, (word)schedule, (word)state, 0);
    for (u32 i = 0; i < 8; i++) publish_word((u32)state[i]);
    return 0;
}

/* SP1's Keccak permutation, twice over a state of 25 lanes, and its 256-bit multiplication, modulo a
 * number and modulo 2^256. */

static u32 keccak_and_uint256_precompiles(void) {
    static u64 state[25];
    static u64 numbers[3][4] = {{7, 8, 9, ~0ull}, {10, ~0ull, 12, 13}, {1000003, 14, 15, 16}};
    for (u32 i = 0; i < 25; i++) state[i] = i * 0x0123456789ABCDEF;
    for (u32 i = 0; i < 2; i++) sp1_call(SYS_KECCAK_PERMUTE, (word)state, 0, 0);
    sp1_publish(state, sizeof state);
    for (u32 i = 0; i < 2; i++) {
        sp1_call(SYS_UINT256_MUL, (word)numbers[0], (word)numbers[1], 0);
        sp1_publish(numbers[0], sizeof numbers[0]);
        for (u32 j = 0; j < 4; j++) numbers[2][j] = 0;
    }
    return 0;
}

/* An unconstrained block: what it does to registers and memory is undone, what it hints stays. */

static u32 unconstrained(void) {
    static volatile u32 cell = 41;
    volatile u8 *fresh = (volatile u8 *)sp1_input(sp1_input_length()) + (1 << 21);
    if (sp1_call(SYS_ENTER_UNCONSTRAINED, 0, 0, 0)) {
        cell = 0;
        *fresh = 1;
        for (u32 i = 0; i < 1000; i++) mix(i);
        sp1_call(SYS_WRITE, FD_HINT, (word)&mixed, 8);
        sp1_call(SYS_EXIT_UNCONSTRAINED, 0, 0, 0);
        __builtin_unreachable();
    }
    publish_word(++cell);
    publish_word(*fresh);
    publish_word(mixed);
    publish_word(load_u64(sp1_input(8)));
    return 0;
}

/* Memory far apart: one byte in each of 64 MiB, and at the far end of what a guest may use. */

static u32 far_memory(void) {
    const word start = 0x40000000;
    u32 sum = 0;
    for (word i = 0; i < 64; i++) *(volatile u8 *)(start + (i << 20)) = (u8)i;
    for (word i = 0; i < 64; i++) sum += *(volatile u8 *)(start + (i << 20));
#if __riscv_xlen == 32
    volatile u32 *last = (volatile u32 *)0x77FFFFFC;
#else
    volatile u64 *last = (volatile u64 *)0xFFFFFFFFF8;
#endif
    *last = sum;
    publish_word(*last);
    return 0;
}

/* Prints, and counts its input buffers: their number and bytes. */

static u32 count_input(void) {
    sp1_call(SYS_WRITE, FD_STDOUT, (word) "counting\n", 9);
    u64 buffers = 0, bytes = 0;
    for (word length; (length = sp1_input_length()) != NO_INPUT; buffers++, bytes += length)
        sp1_input(length);
    publish_word(buffers);
    publish_word(bytes);
    return 0;
}

/* Publishes nothing at all. */

static u32 nothing(void) { return 0; }

u32 guest_main(void) {
    static u32 (*const FEATURES[])(void) = {
        nothing, arithmetic, memory_widths, sha256_precompiles, unconstrained, far_memory, count_input,
        keccak_and_uint256_precompiles,
    };
    if (sp1_input_length() != 4) return 1;
    u32 number = load_u32(sp1_input(4));
    return number < sizeof FEATURES / sizeof *FEATURES ? FEATURES[number]() : 1;
}
