"""Uploads to a server that was checked: to that server and its certificate, or not at all."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from support.connect_proxy import connect_proxy
from support.prover_stand_in import ProverStandIn, Tls

from sp1tee.client import Endpoint, raw_buffers
from sp1tee.client.parcel import Parcel
from sp1tee.client.progress import Silent
from sp1tee.client.transfer import Transfers
from sp1tee.errors import NetworkError, UncheckedServer
from sp1tee.wire.versions import Family

SECRET = b"a secret that nobody else may see"
TOKEN = "UPLOADTOKEN"
PARCEL = Parcel(raw_buffers([SECRET]), Family.V6)


def digest(certificate: trustme.LeafCert) -> str:
    parsed = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())
    return hashlib.sha256(parsed.public_bytes(Encoding.DER)).hexdigest()


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> Tls:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return Tls.new()


@pytest.fixture
def server(tls: Tls) -> Iterator[ProverStandIn]:
    with ProverStandIn(tls) as stand_in:
        yield stand_in


@pytest.fixture
def endpoint(tls: Tls, server: ProverStandIn, tmp_path: Path) -> Endpoint:
    tls.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return Endpoint.parse(server.files_url, ca_file=tmp_path / "ca.pem")


def place(server: ProverStandIn) -> str:
    return f"{server.files_url}/artifacts/1?token={TOKEN}"


@contextmanager
def transfers(endpoint: Endpoint) -> Iterator[Transfers]:
    with closing(Transfers(endpoint, Silent())) as made:
        yield made


def test_the_certificate_that_was_checked_gets_the_upload(
    tls: Tls, server: ProverStandIn, endpoint: Endpoint
) -> None:
    with transfers(endpoint.checked(digest(tls.own))) as checked:
        checked.put(place(server), PARCEL, "the input")
    assert len(server.puts) == 1


def test_another_certificate_of_the_same_name_and_authority_gets_nothing(
    tls: Tls, server: ProverStandIn, endpoint: Endpoint
) -> None:
    other = tls.authority.issue_cert("localhost")
    with (
        transfers(endpoint.checked(digest(other))) as checked,
        pytest.raises(UncheckedServer, match="localhost presented another certificate") as caught,
    ):
        checked.put(place(server), PARCEL, "the input")
    assert not server.puts
    assert TOKEN not in repr(caught.value)
    assert (caught.value.code, caught.value.exit_code) == ("SP1TEE-P016", 1)


def test_the_certificate_that_was_checked_must_be_trusted_nevertheless(
    tls: Tls, server: ProverStandIn
) -> None:
    nobody_s = Endpoint.parse(server.files_url).checked(digest(tls.own))
    with (
        transfers(nobody_s) as checked,
        pytest.raises(NetworkError, match="certificate of localhost is not trusted"),
    ):
        checked.put(place(server), PARCEL, "the input")
    assert not server.puts


@pytest.mark.parametrize(
    "elsewhere", ["https://localhost:1/artifacts/1", "https://s3.example.com/artifacts/1"]
)
def test_a_checked_server_cannot_send_the_input_on(
    tls: Tls, server: ProverStandIn, endpoint: Endpoint, elsewhere: str
) -> None:
    with (
        transfers(endpoint.checked(digest(tls.own))) as checked,
        pytest.raises(UncheckedServer, match="is not what was checked"),
    ):
        checked.put(f"{elsewhere}?token={TOKEN}", PARCEL, "the input")
    assert not server.puts


def test_a_proxy_changes_nothing_about_it(
    tls: Tls, server: ProverStandIn, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tls.authority.issue_cert("localhost")
    with connect_proxy() as proxy:
        proxy.to = server.files_url
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with transfers(endpoint.checked(digest(tls.own))) as checked:
            checked.put(place(server), PARCEL, "the input")
        with transfers(endpoint.checked(digest(other))) as wrong, pytest.raises(UncheckedServer):
            wrong.put(place(server), PARCEL, "the input")
    assert proxy.asked == [server.files_url.removeprefix("https://")] * 2
    assert len(server.puts) == 1


def test_a_proof_is_fetched_whatever_the_server_s_certificate_has_become(
    tls: Tls, server: ProverStandIn, endpoint: Endpoint
) -> None:
    server.fulfil(b"proof")
    renewed = endpoint.checked(digest(tls.authority.issue_cert("localhost")))
    with transfers(renewed) as later:
        assert later.get(f"{server.files_url}/proof", "the proof").data == b"proof"
