/* What guests must not do, one deed at a time.
 *
 * Input: one buffer, the number of the deed as u32 little-endian, then what the deed takes. A deed
 * that returns has not stopped the program, which then ends with exit code 99.
 */
#include "sp1.h"

static void halt(u32 code) { sp1_call(SYS_HALT, code, 0, 0); }

/* --- endings --- */

static void exit_with_seven(void) { sp1_exit(7); }
static void never_end(void) { for (;;) __asm__ volatile(""); }
static void commit_nothing(void) { halt(0); }

static void commit_other_digest(void) {
    sp1_publish("x", 1);
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT, i, i, 0);
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT_DEFERRED_PROOFS, i, 0, 0);
    halt(0);
}

static void commit_some_words(void) {
    for (word i = 0; i < 7; i++) sp1_call(SYS_COMMIT, i, 0, 0);
    halt(0);
}

static void commit_deferred_proofs(void) {
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT, i, 0, 0);
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT_DEFERRED_PROOFS, i, 1, 0);
    halt(0);
}

static void commit_ninth_word(void) { sp1_call(SYS_COMMIT, 8, 0, 0); }

/* --- memory --- */

static u8 scratch[64] __attribute__((aligned(16)));

static void read_null(void) { (void)*(volatile u32 *)16; }
static void write_null(void) { *(volatile u32 *)16 = 1; }

#if __riscv_xlen == 32
#define TOO_HIGH 0x78000004
#else
#define TOO_HIGH 0x10000000000
#endif

static void read_too_high(void) { (void)*(volatile u32 *)TOO_HIGH; }
static void write_too_high(void) { *(volatile u32 *)TOO_HIGH = 1; }
static void load_unaligned(void) { __asm__ volatile("lw zero, 2(%0)" ::"r"(scratch)); }
static void store_unaligned(void) { __asm__ volatile("sh zero, 1(%0)" ::"r"(scratch)); }
static void write_code(void) { *(volatile u32 *)guest_main = 0x13; }

static void use_all_memory(void) {
    for (word at = 0x10000000;; at += 4096) *(volatile u8 *)at = 1;
}

/* --- control flow --- */

static void jump_outside(void) { ((void (*)(void))scratch)(); }
static void jump_into_half(void) { __asm__ volatile("la t0, 1f\n jr 2(t0)\n1: nop\n nop" ::: "t0"); }
static void jump_far_away(void) { ((void (*)(void))0x20000000)(); }
static void breakpoint(void) { __asm__ volatile("ebreak"); }
static void fence(void) { __asm__ volatile("fence"); }
static void read_cycle_counter(void) { __asm__ volatile("csrr t0, cycle" ::: "t0"); }
static void trap_of_compilers(void) { __asm__ volatile("unimp"); }
static void wait_for_interrupt(void) { __asm__ volatile("wfi"); }

/* --- system calls --- */

static void unknown_call(void) { sp1_call(0x77, 0, 0, 0); }
static void precompile(void) { sp1_call(SYS_SECP256K1_DOUBLE, (word)scratch, 0, 0); }
static void ask_hook(void) { sp1_call(SYS_WRITE, FD_ECRECOVER, (word)scratch, 65); }
static void verify_proof(void) { sp1_call(SYS_VERIFY_SP1_PROOF, (word)scratch, (word)scratch, 0); }
static void read_no_input(void) { sp1_call(SYS_HINT_READ, 0x60000000, 4, 0); }

static void hint(void) { sp1_call(SYS_WRITE, FD_HINT, (word)scratch, 16); }

static void read_wrong_length(void) { hint(), sp1_call(SYS_HINT_READ, 0x60000000, 8, 0); }
static void read_unaligned(void) { hint(), sp1_call(SYS_HINT_READ, 0x60000002, 16, 0); }
static void read_over_program(void) { hint(), sp1_call(SYS_HINT_READ, (word)scratch, 16, 0); }

static void read_over_input(void) {
    hint(), sp1_call(SYS_HINT_READ, 0x60000000, 16, 0);
    hint(), sp1_call(SYS_HINT_READ, 0x60000008, 16, 0);
}

static void read_over_used_memory(void) {
    *(volatile u8 *)0x6000000F = 1;
    hint(), sp1_call(SYS_HINT_READ, 0x60000000, 16, 0);
}

static void publish_without_end(void) {
    for (;;) sp1_call(SYS_WRITE, FD_PUBLIC_VALUES, (word)guest_main, 256);
}

static void print_without_end(void) {
    for (;;) sp1_call(SYS_WRITE, FD_STDOUT, (word) "text", 4);
}

/* The second buffer is printed as a panic's message is. */
static void print_input_and_panic(void) {
    word length = sp1_input_length();
    sp1_call(SYS_WRITE, FD_STDOUT, (word) "before", 6);
    sp1_call(SYS_WRITE, FD_STDERR, (word) "panicked:\n", 10);
    sp1_call(SYS_WRITE, FD_STDERR, (word)sp1_input(length), length);
    sp1_exit(1);
}

static void print_no_text(void) { sp1_call(SYS_WRITE, FD_STDOUT, (word) "\xFF", 1); }
static void write_reserved(void) { sp1_call(SYS_WRITE, 3, (word)scratch, 1); }

static void hint_without_end(void) {
    for (;;) sp1_call(SYS_WRITE, FD_HINT, 0x60000000, 0x10000000);
}

static void sha_unaligned(void) { sp1_call(SYS_SHA_EXTEND, (word)scratch + 1, 0, 0); }
static void permute_code(void) { sp1_call(SYS_KECCAK_PERMUTE, (word)guest_main & ~(word)7, 0, 0); }
static void permute_with_argument(void) { sp1_call(SYS_KECCAK_PERMUTE, (word)scratch, 8, 0); }

/* --- unconstrained blocks --- */

static void enter(void) { sp1_call(SYS_ENTER_UNCONSTRAINED, 0, 0, 0); }

static void halt_unconstrained(void) { enter(), halt(0); }
static void enter_twice(void) { enter(), enter(); }
static void leave_without_entering(void) { sp1_call(SYS_EXIT_UNCONSTRAINED, 0, 0, 0); }
static void jump_away_unconstrained(void) { enter(), jump_far_away(); }
static void never_leave(void) { enter(), never_end(); }

u32 guest_main(void) {
    static void (*const DEEDS[])(void) = {
        exit_with_seven, never_end, commit_nothing, commit_other_digest, commit_some_words,
        commit_deferred_proofs, commit_ninth_word, read_null, write_null, read_too_high, write_too_high,
        load_unaligned, store_unaligned, write_code, use_all_memory, jump_outside, jump_into_half,
        jump_far_away, breakpoint, fence, read_cycle_counter, trap_of_compilers, wait_for_interrupt,
        unknown_call, precompile, ask_hook, verify_proof, read_no_input, read_wrong_length,
        read_unaligned, read_over_program, read_over_input, read_over_used_memory, publish_without_end,
        print_without_end, print_no_text, write_reserved, hint_without_end, sha_unaligned,
        halt_unconstrained, enter_twice, leave_without_entering, jump_away_unconstrained, never_leave,
        permute_code, permute_with_argument, print_input_and_panic,
    };
    if (sp1_input_length() != 4) return 1;
    u32 number = load_u32(sp1_input(4));
    if (number < sizeof DEEDS / sizeof *DEEDS) DEEDS[number]();
    return 99;
}
