"""What a proof commits to instead of the public values: a digest of them.

A guest hashes its public values with SHA-256, or, if it was built so, with BLAKE3; SP1's verifiers
accept either.
"""

import hashlib
import struct

from blake3 import blake3

DIGEST_SIZE = 32

# PLONK and Groth16 carry the digest as one element of the BN254 scalar field, which has 254 bits.
_SCALAR_BITS = 253


def digests(public_values: bytes) -> tuple[bytes, bytes]:
    """Return both digests that a proof of `public_values` may commit to."""
    return hashlib.sha256(public_values).digest(), blake3(public_values).digest()


def masked(digest: bytes) -> bytes:
    """Clear the digest's three highest bits, as on-chain proofs carry it."""
    number = int.from_bytes(digest, "big") % (1 << _SCALAR_BITS)
    return number.to_bytes(DIGEST_SIZE, "big")


def as_elements(digest: bytes) -> bytes:
    """Encode a digest as STARK proofs carry it: each byte as one field element, a u32."""
    return struct.pack(f"<{len(digest)}I", *digest)
