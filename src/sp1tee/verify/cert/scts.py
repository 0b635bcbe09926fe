"""Signed certificate timestamps that a certificate carries (RFC 6962 §3.2, §3.3).

A log's signature over the certificate as it was before the timestamps were put in shows that the
log has promised to publish it, so that whoever watches the logs can see it.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.cert.certificates import sober
from sp1tee.verify.cert.ct_logs import Log, LogList

MAX_SCTS: Final = 32
"""Certificates carry two to five."""
_PRECERT_ENTRY: Final = 1
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the library gives naive UTC


class Outcome(StrEnum):
    """What a timestamp is worth."""

    VALID = "valid"
    FORGED = "its signature is wrong"
    FUTURE = "it is of a time that has not come"
    OUTSIDE = "its log takes no certificates that expire then"
    NOT_COUNTED = "its log is not trusted at its time"
    UNKNOWN_LOG = "its log is not in the list"
    NO_ISSUER = "the issuer's key, which it covers, is not known"


@dataclass(frozen=True, slots=True)
class Sct:
    """A timestamp: the log's id and, if the list has it, the log; milliseconds since 1970."""

    log_id: bytes
    log: Log | None
    timestamp: int
    outcome: Outcome

    @property
    def name(self) -> str:
        """The log's name, or its id."""
        return self.log_id.hex() if self.log is None else self.log.name


def _embedded(certificate: x509.Certificate) -> tuple[SignedCertificateTimestamp, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.PrecertificateSignedCertificateTimestamps
        )
    except x509.ExtensionNotFound:
        return ()
    if len(extension.value) > MAX_SCTS:
        raise EvidenceMalformed(f"The certificate carries more than {MAX_SCTS} timestamps (SCTs).")
    return tuple(extension.value)


def check(
    certificate: x509.Certificate, issuer: x509.Certificate | None, logs: LogList, *, at: int
) -> tuple[Sct, ...]:
    """Check a certificate's own timestamps.

    Args:
        certificate: the leaf.
        issuer: whose key signed it; the timestamps cover that key.
        logs: whose timestamps count.
        at: now, Unix seconds.

    Raises:
        EvidenceMalformed: the certificate's timestamps can't be read, or are too many.
    """
    with sober():
        try:
            found = _embedded(certificate)
            return tuple(_check(sct, certificate, issuer, logs, at) for sct in found)
        except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
            raise EvidenceMalformed("The certificate's timestamps (SCTs) cannot be read.") from None


def _check(
    sct: SignedCertificateTimestamp,
    certificate: x509.Certificate,
    issuer: x509.Certificate | None,
    logs: LogList,
    at: int,
) -> Sct:
    log = logs.logs.get(sct.log_id)
    outcome = Outcome.UNKNOWN_LOG if log is None else _outcome(sct, log, certificate, issuer, at=at)
    return Sct(sct.log_id, log, _milliseconds(sct), outcome)


def _outcome(
    sct: SignedCertificateTimestamp,
    log: Log,
    certificate: x509.Certificate,
    issuer: x509.Certificate | None,
    *,
    at: int,
) -> Outcome:
    if issuer is None:
        return Outcome.NO_ISSUER
    if not _signed(sct, log, _signed_data(sct, certificate, issuer)):
        return Outcome.FORGED
    if _milliseconds(sct) > at * 1000 + 999:
        return Outcome.FUTURE
    if not log.takes(int(certificate.not_valid_after_utc.timestamp())):
        return Outcome.OUTSIDE
    return Outcome.VALID if log.counts(_milliseconds(sct)) else Outcome.NOT_COUNTED


def _signed_data(
    sct: SignedCertificateTimestamp, certificate: x509.Certificate, issuer: x509.Certificate
) -> bytes:
    """Lay out `digitally-signed` for a precertificate entry."""
    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    tbs = certificate.tbs_precertificate_bytes
    return b"".join(
        (
            b"\0\0",  # version 1, certificate_timestamp
            struct.pack(">QH", _milliseconds(sct), _PRECERT_ENTRY),
            sha256(spki).digest(),
            len(tbs).to_bytes(3, "big"),
            tbs,
            struct.pack(">H", len(sct.extension_bytes)),
            sct.extension_bytes,
        )
    )


def _signed(sct: SignedCertificateTimestamp, log: Log, data: bytes) -> bool:
    """Verify with the log's key: ECDSA on P-256 or RSA, over SHA-256 (RFC 6962 §2.1.4)."""
    try:
        key = load_der_public_key(log.key)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(sct.signature, data, ec.ECDSA(SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(sct.signature, data, padding.PKCS1v15(), SHA256())
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _milliseconds(sct: SignedCertificateTimestamp) -> int:
    return (sct.timestamp.replace(tzinfo=None) - _EPOCH) // timedelta(milliseconds=1)


def distinct(scts: Sequence[Sct]) -> int:
    """Count the logs whose valid timestamps a certificate has."""
    return len({sct.log_id for sct in scts if sct.outcome is Outcome.VALID})
