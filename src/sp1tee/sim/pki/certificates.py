"""Certificates and revocation lists, shaped as Intel's SGX PKI has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sp1tee.sim.pki.keys import Key

FROM: Final = datetime(2018, 5, 21, tzinfo=UTC)
UNTIL: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
"""How long certificates are valid unless told otherwise: the span of Intel's root."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A key and the certificates for it, its own first and the root's last."""

    key: Key
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Its own certificate."""
        return self.chain[0]

    @property
    def pem(self) -> str:
        """The whole chain."""
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in self.chain)


def name(common: str) -> x509.Name:
    """Name somebody so that nobody takes the certificate for Intel's."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "XX"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Synthetic, proves nothing"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def certify(
    common: str,
    key: Key,
    issuer: Certified | None = None,
    *,
    ca: bool = False,
    extensions: Iterable[x509.ExtensionType] = (),
    valid: tuple[datetime, datetime] = (FROM, UNTIL),
) -> Certified:
    """Issue a certificate; signed by itself if there is no issuer."""
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(name(common) if issuer is None else issuer.certificate.subject)
        .public_key(key.public)
        .serial_number(int.from_bytes(key.point[:16]) | 1)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public), False)
        .add_extension(_usage(ca=ca), True)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    made = builder.sign(signer.private, hashes.SHA256(), ecdsa_deterministic=True)
    return Certified(key, (made, *(() if issuer is None else issuer.chain)))


def revocations(
    issuer: Certified, *, issued: int, next_update: int, revoked: Iterable[x509.Certificate] = ()
) -> bytes:
    """Issue a revocation list (DER) with a number and an authority key id, as Intel's have."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_when(issued))
        .next_update(_when(next_update))
        .add_extension(x509.CRLNumber(1), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public), False)
    )
    for certificate in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(_when(issued))
            .build()
        )
    made = builder.sign(issuer.key.private, hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(Encoding.DER)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
