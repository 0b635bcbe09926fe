"""CAs that are trusted: the public ones, or those of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.x509.verification import Store

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.cert.certificates import sober

MAX_ROOTS: Final = 4 * 1024 * 1024
"""Mozilla's roots have some 250 KB."""


@dataclass(frozen=True, slots=True)
class Roots:
    """CAs that are trusted, and what they are called in a report."""

    name: str
    certificates: Sequence[x509.Certificate] = field(repr=False)
    store: Store = field(repr=False)


def read_roots(pem: bytes, name: str) -> Roots:
    """Read a PEM file of CAs.

    Raises:
        EvidenceTooLarge: it is larger than any.
        EvidenceMalformed: it holds no certificates.
    """
    if len(pem) > MAX_ROOTS:
        raise EvidenceTooLarge(f"{name} has more than {MAX_ROOTS} bytes.")
    with sober():
        try:
            certificates = x509.load_pem_x509_certificates(pem)
            return Roots(name, certificates, Store(certificates))
        except (ValueError, TypeError, x509.InvalidVersion):
            raise EvidenceMalformed(f"{name} is no PEM file of certificates.") from None


@cache
def public_roots() -> Roots:
    """Return Mozilla's, as certifi ships them."""
    return read_roots(
        Path(certifi.where()).read_bytes(), f"Mozilla's CAs (certifi {certifi.__version__})"
    )
