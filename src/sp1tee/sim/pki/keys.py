"""P-256 keys that follow from a seed, so that the same stand-in can be made twice."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A P-256 key whose signatures are deterministic (RFC 6979)."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def derive(cls, seed: bytes, name: str) -> "Key":
        """Make the key that `seed` has for `name`."""
        number = int.from_bytes(hashlib.sha256(seed + b"/" + name.encode()).digest())
        return cls(ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.point == other.point

    def __hash__(self) -> int:
        return hash(self.point)

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self.private.public_key()

    @property
    def point(self) -> bytes:
        """The public key as quotes have it: x and y, 32 bytes each."""
        return self.public.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )[1:]

    def sign(self, data: bytes) -> bytes:
        """Sign with SHA-256, as quotes and collateral have it: r and s, 32 bytes each."""
        r, s = decode_dss_signature(self.sign_der(data))
        return r.to_bytes(32) + s.to_bytes(32)

    def sign_der(self, data: bytes) -> bytes:
        """Sign with SHA-256, as certificates have it."""
        return self.private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
