#include "sha256.h"
#include "sp1.h"

/* SP1 keeps nothing in registers at the start. The stack grows down from below the program:
 * SP1 v5 puts its top at 0x00200400, SP1 v6 at 0x78000000. */
#if __riscv_xlen == 32
#define STACK_TOP "0x00200400"
#else
#define STACK_TOP "0x78000000"
#endif

__asm__(".section .text.start, \"ax\"\n"
        ".globl _start\n"
        "_start:\n"
        ".option push\n"
        ".option norelax\n"
        "    la gp, __global_pointer$\n"
        ".option pop\n"
        "    li sp, " STACK_TOP "\n"
        "    call start\n");

extern u8 _end[]; /* the linker's: behind everything that is loaded */

static struct sha256 published;
static word next_input;

void start(void) __attribute__((noreturn));

void start(void) {
    sha256_init(&published);
    sp1_exit(guest_main());
}

/* SP1 takes input only into memory that was neither loaded nor touched, so it goes behind the
 * program's last page, buffer behind buffer. A v6 buffer of whole words is followed by a zero word,
 * hence the one left free. */
const u8 *sp1_input(word length) {
    if (next_input == 0) next_input = ((word)_end | 0xFFF) + 1;
    word at = next_input;
    next_input += (length + 7 & ~(word)7) + 8;
    sp1_call(SYS_HINT_READ, at, length, 0);
    return (const u8 *)at;
}

void sp1_publish(const void *bytes, word length) {
    sp1_call(SYS_WRITE, FD_PUBLIC_VALUES, (word)bytes, length);
    sha256_update(&published, bytes, length);
}

void sp1_exit(u32 code) {
    u8 digest[32];
    sha256_final(&published, digest);
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT, i, load_u32(digest + 4 * i), 0);
    for (word i = 0; i < 8; i++) sp1_call(SYS_COMMIT_DEFERRED_PROOFS, i, 0, 0);
    sp1_call(SYS_HALT, code, 0, 0);
    __builtin_unreachable();
}

/* The compiler calls these on its own. */
void *memset(void *target, int value, word length) {
    u8 *p = target;
    while (length--) *p++ = (u8)value;
    return target;
}

void *memcpy(void *target, const void *source, word length) {
    u8 *p = target;
    for (const u8 *q = source; length--;) *p++ = *q++;
    return target;
}
