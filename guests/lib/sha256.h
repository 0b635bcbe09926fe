/* SHA-256 (FIPS 180-4), fed piece by piece. */
#ifndef SHA256_H
#define SHA256_H

#include "sp1.h"

struct sha256 {
    u32 state[8];
    u64 length; /* bytes fed so far */
    u8 block[64];
};

void sha256_init(struct sha256 *);
void sha256_update(struct sha256 *, const u8 *bytes, word length);
void sha256_final(struct sha256 *, u8 digest[32]);

#endif
