/* Do private balances cover a public amount?
 *
 * Input: first the amount, then any number of buffers of balances. The amount is one u64, a buffer
 * holds any number of them, all little-endian.
 * Public values: the amount as u64 little-endian, then one byte, 1 if the sum of all balances is at
 * least the amount, else 0. They say nothing else about the balances.
 * Exit code: 1 if the input is not that.
 */
#include "sp1.h"

#define U64_SIZE 8

/* What is still missing, after one more balance; never below zero, so that no sum can overflow. */
static u64 missing_after(u64 missing, u64 balance) { return balance < missing ? missing - balance : 0; }

u32 guest_main(void) {
    if (sp1_input_length() != U64_SIZE) return 1;
    const u64 amount = load_u64(sp1_input(U64_SIZE));

    u64 missing = amount;
    for (word length; (length = sp1_input_length()) != NO_INPUT;) {
        if (length % U64_SIZE != 0) return 1;
        const u8 *balances = sp1_input(length);
        for (word at = 0; at < length; at += U64_SIZE)
            missing = missing_after(missing, load_u64(balances + at));
    }

    u8 values[U64_SIZE + 1];
    store_u64(values, amount);
    values[U64_SIZE] = missing == 0;
    sp1_publish(values, sizeof values);
    return 0;
}
