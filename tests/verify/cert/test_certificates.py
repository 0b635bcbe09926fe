"""What is read of a certificate."""

import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from support.scts import DAY, NOW, Authority, self_signed

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.cert import public_roots, read_certificate, read_roots

CA = Authority()
LEAF = CA.issue("tee.example.com", "*.apps.example.com").leaf


def test_names_dates_and_issuer_are_read():
    leaf = read_certificate(LEAF, "x")
    assert leaf.names == ("tee.example.com", "*.apps.example.com")
    assert (leaf.not_before, leaf.not_after) == (NOW - DAY, NOW + 59 * DAY)
    assert leaf.issuer == "CN=Intermediate,O=Test CA"
    assert not leaf.self_signed
    assert not leaf.staging


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "EC secp384r1"),
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
    ],
    ids=["ec", "rsa"],
)
def test_a_key_s_kind_and_size_are_said(key: object, named: str):
    assert read_certificate(CA.issue("a.example", key=key).leaf, "x").key == named


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("tee.example.com", True),
        ("b.apps.example.com", True),
        ("a.b.apps.example.com", False),
        ("apps.example.com", False),
        ("example.com", False),
        ("com", False),
        ("tee.example.com.evil.org", False),
    ],
)
def test_attack_04_a_name_covers_itself_and_a_wildcard_one_label(host: str, covered: bool):
    assert read_certificate(LEAF, "x").covers(host) is covered


def test_attack_08_a_placeholder_vouches_for_itself():
    assert read_certificate(self_signed("tee.example.com").leaf, "x").self_signed


@pytest.mark.parametrize("by", ["(STAGING) Let's Encrypt", "Let's Encrypt (STAGING)"])
def test_attack_08_a_staging_issuer_is_known_as_one(by: str):
    assert read_certificate(Authority(by).issue("a.example").leaf, "x").staging


def test_public_cas_are_there():
    assert len(public_roots().certificates) > 50


@pytest.mark.parametrize("pem", [b"", b"text", b"-----BEGIN CERTIFICATE-----\nQUFB\n"])
def test_a_file_without_cas_is_refused(pem: bytes):
    with pytest.raises(EvidenceMalformed):
        read_roots(pem, "roots.pem")


def test_a_ca_of_an_unheard_of_version_is_no_ca():
    version = LEAF.index(bytes.fromhex("a003020102")) + 4
    odd = LEAF[:version] + b"\x29" + LEAF[version + 1 :]
    with pytest.raises(EvidenceMalformed, match="no PEM file of certificates"):
        read_roots(ssl.DER_cert_to_PEM_cert(odd).encode(), "roots.pem")


CONSTRAINTS, AUTHORITY_KEY = bytes.fromhex("0603551d13"), bytes.fromhex("0603551d23")
COMMON_NAME = bytes.fromhex("0603550403")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (AUTHORITY_KEY, CONSTRAINTS),
        (COMMON_NAME + b"\x0c", COMMON_NAME + b"\x0f"),
        (COMMON_NAME, b"\x05" + COMMON_NAME[1:]),
    ],
    ids=["an extension twice", "a name of an unknown type", "a name of none"],
)
def test_what_the_library_reads_late_is_refused_at_once(old: bytes, new: bytes):
    spoiled = LEAF.replace(old, new)
    assert spoiled != LEAF
    with pytest.raises(EvidenceMalformed):
        read_certificate(spoiled, "x")


@given(st.integers(0, len(LEAF) - 1), st.integers(0, 255), st.integers(0, 3))
def test_only_the_documented_error_comes_out_of_spoiled_certificates(
    place: int, byte: int, cut: int
):
    spoiled = LEAF[:place] + bytes([byte]) + LEAF[place + 1 : len(LEAF) - cut]
    try:
        read = read_certificate(spoiled, "x")
        assert not read.covers("other.example.com")
        assert not (read.self_signed and read.staging)
    except EvidenceMalformed:
        return
