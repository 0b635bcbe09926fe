"""An application's keys, derived as dstack's guest agent derives them."""

import hashlib
import hmac
from typing import Final

from coincurve import PrivateKey
from Crypto.Hash import keccak
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

_SALT: Final = b"RATLS"


class AppKeys:
    """The keys of one application.

    Args:
        seed: what all keys of a key provider follow from.
        app_id: the application, 20 bytes.
    """

    def __init__(self, seed: bytes, app_id: bytes) -> None:
        self._kms = hashlib.sha256(b"sim kms " + seed).digest()
        self._root = hmac.digest(self._kms, app_id, "sha256")

    def derive(self, path: str) -> bytes:
        """Return the 32 bytes of a path."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=_SALT, info=path.encode())
        return kdf.derive(self._root)

    def p256_pem(self, path: str) -> str:
        """Return the same 32 bytes as a P-256 key (PKCS#8), as the older method does."""
        key = ec.derive_private_key(int.from_bytes(self.derive(path)), ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def signatures(self, path: str, purpose: str) -> list[bytes]:
        """Sign a path's public key by the application, and the application's by its KMS."""
        public = PrivateKey(self.derive(path)).public_key.format()
        root = PrivateKey(self._root)
        return [
            _sign(root, f"{purpose}:{public.hex()}".encode()),
            _sign(PrivateKey(self._kms), root.public_key.format()),
        ]


def _sign(key: PrivateKey, message: bytes) -> bytes:
    return key.sign_recoverable(message, hasher=_keccak256)


def _keccak256(message: bytes | bytearray) -> bytes:
    return keccak.new(data=message, digest_bits=256).digest()
