"""Certificates: what the checks need to know of one, from its DER."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sp1tee.errors import EvidenceMalformed

MAX_NAMES: Final = 100
"""How many names of a certificate are shown; Let's Encrypt puts at most 100 into one."""
_STAGING: Final = ("(STAGING)", "Fake LE ")
_UNREADABLE: Final = (
    *(ValueError, TypeError, OverflowError, UnsupportedAlgorithm),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What the library raises for a certificate that is none."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate.

    Attributes:
        der: its bytes.
        parsed: the library's view of it.
        sha256: digest of its bytes, hex.
        spki_sha256: digest of its public key (SubjectPublicKeyInfo), hex.
        names: its DNS names.
        issuer: who issued it, as RFC 4514 writes names.
        key: its key's kind and size.
        not_before: Unix seconds.
        not_after: Unix seconds; the certificate is still valid in that second.
    """

    der: bytes = field(repr=False)
    parsed: x509.Certificate = field(repr=False)
    sha256: str
    spki_sha256: str
    names: tuple[str, ...]
    issuer: str
    key: str
    not_before: int
    not_after: int

    @property
    def self_signed(self) -> bool:
        """Whether it vouches for itself, as placeholders do."""
        with sober():
            if self.parsed.issuer != self.parsed.subject:
                return False
            return issued_by(self.parsed, self.parsed)

    @property
    def staging(self) -> bool:
        """Whether a staging CA issued it, which anybody can get certificates from."""
        return any(mark in self.issuer for mark in _STAGING)

    def covers(self, host: str) -> bool:
        """Whether one of its names is the host, or a wildcard one label above (RFC 9525 §6.3)."""
        _, dot, parent = host.partition(".")
        wanted = {host, f"*.{parent}"} if dot else {host}
        return any(name.lower() in wanted for name in self.names)

    def valid_at(self, at: int) -> bool:
        """Whether a time lies within its validity."""
        return self.not_before <= at <= self.not_after


@contextmanager
def sober() -> Iterator[None]:
    """Keep the library from printing warnings about odd certificates: they are the evidence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_certificate(der: bytes, what: str) -> Certificate:
    """Read a certificate.

    Raises:
        EvidenceMalformed: it is none that can be read.
    """
    with sober():
        try:
            return _read(der)
        except _UNREADABLE:
            raise EvidenceMalformed(f"{what} is no X.509 certificate that can be read.") from None


def _read(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    # The library reads these when they are asked for; whatever is wrong with them is told here.
    _ = parsed.version, parsed.subject, parsed.issuer, parsed.extensions
    spki = parsed.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Certificate(
        der,
        parsed,
        sha256(der).hexdigest(),
        sha256(spki).hexdigest(),
        _names(parsed),
        parsed.issuer.rfc4514_string(),
        _key(parsed),
        int(parsed.not_valid_before_utc.timestamp()),
        int(parsed.not_valid_after_utc.timestamp()),
    )


def _names(parsed: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def _key(parsed: x509.Certificate) -> str:
    key = parsed.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return type(key).__name__.removesuffix("PublicKey")


def issued_by(parsed: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether an issuer's name and key are those that a certificate was signed with."""
    with sober():
        try:
            parsed.verify_directly_issued_by(issuer)
        except Exception:  # noqa: BLE001 - the library documents three kinds and raises more
            return False
        return True
