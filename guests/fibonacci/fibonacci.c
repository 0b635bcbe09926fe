/* SP1's own example, in C: the n-th Fibonacci number modulo 7919.
 *
 * Input: one buffer, n as u32 little-endian.
 * Public values: n, F(n), F(n+1), each as u32 little-endian.
 * Exit code: 1 if the input is not that.
 */
#include "sp1.h"

#define MODULUS 7919

u32 guest_main(void) {
    if (sp1_input_length() != 4) return 1;
    u32 n = load_u32(sp1_input(4));
    if (sp1_input_length() != NO_INPUT) return 1;

    u32 a = 0, b = 1;
    for (u32 i = 0; i < n; i++) {
        u32 next = (a + b) % MODULUS;
        a = b;
        b = next;
    }

    u8 values[12];
    store_u32(values, n);
    store_u32(values + 4, a);
    store_u32(values + 8, b);
    sp1_publish(values, sizeof values);
    return 0;
}
