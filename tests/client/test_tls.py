"""A server behind its own authority that wants to see a certificate."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.prover_stand_in import REQUEST_ID, ProverStandIn, Tls
from support.wire_data import key

from sp1tee.client import Endpoint, Order, Patience, Program, Requester, raw_buffers
from sp1tee.client.progress import Silent
from sp1tee.client.transfer import Transfers
from sp1tee.errors import NetworkError, Unreachable

AT_ONCE = Patience(give_up_s=0)


@pytest.fixture
def tls() -> Tls:
    return Tls.new()


@pytest.fixture
def server(tls: Tls) -> Iterator[ProverStandIn]:
    with ProverStandIn(tls) as stand_in:
        stand_in.registered = True
        yield stand_in


@pytest.fixture
def endpoint(tls: Tls, server: ProverStandIn, tmp_path: Path) -> Endpoint:
    client = tls.authority.issue_cert("somebody@example.org")
    ca, cert, private = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    tls.authority.cert_pem.write_to_path(ca)
    client.cert_chain_pems[0].write_to_path(cert)
    client.private_key_pem.write_to_path(private)
    # Uploads go to another port here, so to another origin: public authorities must do for it.
    return Endpoint.parse(server.url, ca_file=ca, client_cert=cert, client_key=private)


@pytest.fixture
def trusted(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the stand-in's authority a public one."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(endpoint.ca_file))


@pytest.mark.usefixtures("trusted")
def test_a_client_certificate_lets_in(endpoint: Endpoint, program: Program) -> None:
    with Requester.at(endpoint, key("test_key_1"), patience=AT_ONCE) as requester:
        ticket = requester.request(program, raw_buffers([b"x"]), Order())
    assert ticket.request_id == REQUEST_ID


def test_without_a_client_certificate_nobody_gets_in(endpoint: Endpoint, program: Program) -> None:
    bare = Endpoint.parse(endpoint.url, ca_file=endpoint.ca_file)
    with (
        Requester.at(bare, key("test_key_1"), patience=AT_ONCE) as requester,
        pytest.raises(Unreachable),
    ):
        requester.request(program, raw_buffers([b"x"]), Order())


def test_an_authority_given_for_a_server_counts_for_that_server_only(
    server: ProverStandIn, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with (
        closing(Transfers(endpoint, Silent())) as transfers,
        pytest.raises(NetworkError, match="certificate of localhost is not trusted") as caught,
    ):
        transfers.get(f"{server.files_url}/proof?secret=PROOFTOKEN", "the proof")
    assert "PROOFTOKEN" not in repr(caught.value)


def test_downloads_from_the_server_itself_use_its_authority_and_the_certificate(
    server: ProverStandIn, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    server.fulfil(b"proof")
    with closing(Transfers(replace(endpoint, url=server.files_url), Silent())) as transfers:
        assert transfers.get(f"{server.files_url}/proof", "the proof").data == b"proof"
