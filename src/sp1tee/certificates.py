"""Certificates (RFC 5280) as far as both sides of a worker listener have to read them.

A worker's certificate says its name as its common name. What its CA vouches for may connect; who
may work is a list that the server keeps, of fingerprints.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sp1tee.errors import ConfigError

FINGERPRINT_SIZE: Final = 32
_LONGEST: Final = 64 * 1024
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate says of who shows it.

    Attributes:
        name: its one common name; None if it has none, or several.
        fingerprint: its 32 bytes.
        until: when it expires, in Unix seconds.
    """

    name: str | None
    fingerprint: bytes
    until: float


@lru_cache(maxsize=_REMEMBERED)
def read_pem(pem: str) -> Shown:
    """Read the first certificate of a PEM text.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion):
        # What the library says grows with what it was given.
        raise ValueError("This is no certificate.") from None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if len(names) == 1 else None
    der = certificate.public_bytes(Encoding.DER)
    return Shown(name, fingerprint(der), certificate.not_valid_after_utc.timestamp())


def fingerprint(der: bytes) -> bytes:
    """Name a certificate, encoded as DER, in 32 bytes.

    They are kept beside the SHA-256 of tokens, and a certificate is public. So they come from
    another function (SHA3-256): nobody finds a token with the fingerprint of a certificate.
    """
    return hashlib.sha3_256(der).digest()


def read_file(path: Path) -> Shown:
    """Read the first certificate of a PEM file.

    Raises:
        ConfigError: it cannot be read, or holds none.
    """
    try:
        with path.open(encoding="ascii") as file:
            return read_pem(file.read(_LONGEST))
    except (OSError, ValueError):
        raise ConfigError(
            f"The certificate in {path} cannot be read.", advice="Give a PEM file."
        ) from None
