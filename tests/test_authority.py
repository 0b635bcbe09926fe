"""An operator's own certificate authority: what it vouches for, and what it cannot."""

import contextlib
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.authority import WORKERS_DOMAIN, Authority, Issued, general_name
from sp1tee.certificates import read_file, read_pem
from sp1tee.errors import ConfigError

HOSTS = ["workers.example.org", "10.0.0.5"]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.new(HOSTS, 10)


def verified(authority: Authority, leaf: x509.Certificate, host: str) -> None:
    policy = PolicyBuilder().store(Store([authority.certificate]))
    policy.build_server_verifier(general_name(host)).verify(leaf, [])


@pytest.mark.parametrize("host", HOSTS)
def test_its_server_is_believed_at_every_host_of_it(authority: Authority, host: str) -> None:
    verified(authority, authority.server(10).certificate, host)


def test_a_worker_is_known_by_its_name(authority: Authority) -> None:
    worker = authority.worker("gpu-1", 10).certificate
    policy = PolicyBuilder().store(Store([authority.certificate]))
    chain = policy.build_client_verifier().verify(worker, [])
    assert chain.subjects == [x509.DNSName(f"gpu-1.{WORKERS_DOMAIN}")]


def test_a_worker_is_no_server(authority: Authority) -> None:
    worker = authority.worker("gpu-1", 10).certificate
    with pytest.raises(VerificationError):
        verified(authority, worker, f"gpu-1.{WORKERS_DOMAIN}")


def forged(authority: Authority, host: str) -> x509.Certificate:
    names = [general_name(host)]
    return authority._issue("forged", names, ExtendedKeyUsageOID.SERVER_AUTH, 10).certificate


@pytest.mark.parametrize("host", ["bank.example.com", "10.0.0.6", "2001:db8::1"])
def test_whoever_steals_its_key_cannot_be_another_host(host: str) -> None:
    authority = Authority.new(["workers.example.org"], 10)
    with pytest.raises(VerificationError):
        verified(authority, forged(authority, host), host)


def test_an_authority_for_an_address_still_vouches_for_no_other_name(authority: Authority) -> None:
    with pytest.raises(VerificationError):
        verified(authority, forged(authority, "bank.example.com"), "bank.example.com")


def test_there_is_no_authority_below_it(authority: Authority) -> None:
    constraints = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert constraints.value.path_length == 0
    leaf = authority.worker("gpu-1", 10).certificate
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_nothing_outlives_it(authority: Authority) -> None:
    leaf = authority.worker("gpu-1", 5000).certificate
    assert leaf.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_keys_are_for_their_owner_alone_and_never_overwritten(
    authority: Authority, tmp_path: Path
) -> None:
    authority.write(tmp_path / "ca")
    assert stat.S_IMODE((tmp_path / "ca" / "ca.key").stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        authority.write(tmp_path / "ca")
    assert Authority.read(tmp_path / "ca").certificate == authority.certificate


def test_a_key_that_is_not_the_authoritys_is_refused(authority: Authority, tmp_path: Path) -> None:
    authority.write(tmp_path)
    (tmp_path / "ca.key").unlink()
    (tmp_path / "ca.pem").unlink()
    other = Authority.new(HOSTS, 10)
    Issued(authority.certificate, other.key).write(tmp_path / "ca.pem", tmp_path / "ca.key")
    with pytest.raises(ConfigError, match="no certificate authority"):
        Authority.read(tmp_path)


def test_no_key_shows_in_a_description(authority: Authority) -> None:
    assert "key" not in repr(authority)
    assert "key" not in repr(authority.worker("gpu-1", 10))


@pytest.mark.parametrize(
    "name", ["", "GPU", "a b", "a/b", "-a", "a-", "a..b", "x" * 64, "é", "a\n"]
)
def test_a_worker_with_no_usable_name_gets_no_certificate(authority: Authority, name: str) -> None:
    with pytest.raises(ConfigError, match="no name"):
        authority.worker(name, 10)


@pytest.mark.parametrize("host", ["", "https://a.example", "a b", "10.0.0.5:8081", "*.example.org"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    with pytest.raises(ConfigError, match="neither"):
        Authority.new([host], 10)


def test_a_certificate_says_name_fingerprint_and_end(authority: Authority, tmp_path: Path) -> None:
    worker = authority.worker("gpu_1.a", 10)
    worker.write(tmp_path / "cert", tmp_path / "key")
    shown = read_file(tmp_path / "cert")
    assert shown.name == "gpu_1.a"
    assert len(shown.fingerprint) == 32
    assert shown.until == worker.certificate.not_valid_after_utc.timestamp()
    assert shown.until > datetime.now(UTC).timestamp()


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\xff", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cert").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path / "cert")


@given(st.text())
def test_any_text_is_a_certificate_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        read_pem(text)
