"""Paths to a trusted CA, of certificates that other software made."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from sp1tee.verify.cert.certificates import Certificate, read_certificate
from sp1tee.verify.cert.roots import Roots, read_roots
from sp1tee.verify.cert.webpki import trouble_of_path

HOST = "tee.example.org"
NOW = datetime.now(UTC)
SERVERS, CLIENTS = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@cache
def authority() -> tuple[trustme.CA, Roots]:
    made = trustme.CA()
    return made, read_roots(made.cert_pem.bytes(), "ca.pem")


def trouble(leaf: bytes, host: str = HOST) -> str | None:
    _, roots = authority()
    return trouble_of_path(certificate(leaf), [], host, roots, at=int(NOW.timestamp()))


def certificate(pem: bytes) -> Certificate:
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    return read_certificate(der, "the leaf")


def issued(*usages: x509.ObjectIdentifier, critical: bool) -> bytes:
    """Have the authority sign a leaf whose names and usages are critical, or are not."""
    ca, _ = authority()
    root = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    own = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    made = (
        x509.CertificateBuilder(root.subject, root.subject, own.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(signer, critical=False)
        .add_extension(names, critical=critical)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def test_a_certificate_of_trustme_has_a_path_for_its_own_name_only() -> None:
    ca, _ = authority()
    leaf = ca.issue_cert(HOST).cert_chain_pems[0].bytes()
    assert trouble(leaf) is None
    assert "subjectAltName" in str(trouble(leaf, "other.example.org"))


@pytest.mark.parametrize("critical", [False, True])
def test_whether_names_and_usage_are_critical_is_up_to_the_ca(critical: bool) -> None:
    assert trouble(issued(SERVERS, CLIENTS, critical=critical)) is None


@pytest.mark.parametrize("critical", [False, True])
def test_a_certificate_that_is_not_for_servers_has_no_path(critical: bool) -> None:
    assert "not for servers" in str(trouble(issued(CLIENTS, critical=critical)))
