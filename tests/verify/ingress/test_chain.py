"""PEM files of certificates."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.ingress import read_chain


def pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()


def test_certificates_come_in_their_order():
    assert read_chain(pem(b"leaf" * 40) + b"\n" + pem(b"above"), "x") == (b"leaf" * 40, b"above")


def test_line_ends_of_other_systems_are_read():
    assert read_chain(pem(b"leaf").replace(b"\n", b"\r\n"), "x") == (b"leaf",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"text\n" + pem(b"leaf"),
        pem(b"leaf") + b"text",
        pem(b"leaf").replace(b"CERTIFICATE", b"PRIVATE KEY"),
        pem(b"leaf")[:-10],
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nQUFB=QUFB\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nQUF\n-----END CERTIFICATE-----\n",
    ],
)
def test_anything_but_certificates_is_refused(data: bytes):
    with pytest.raises(EvidenceMalformed):
        read_chain(data, "x")


def test_attack_03_endless_chains_are_refused():
    with pytest.raises(EvidenceTooLarge):
        read_chain(pem(b"a") * 11, "x")
    with pytest.raises(EvidenceTooLarge):
        read_chain(pem(b"a" * 100_000), "x")


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_only_documented_errors_come_out(noise: bytes, der: bytes):
    for data in (noise, pem(der) + noise, noise.join([pem(der), pem(der)])):
        try:
            assert all(read_chain(data, "x"))
        except VerifyError:
            continue
