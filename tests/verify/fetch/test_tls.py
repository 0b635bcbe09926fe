"""Handshakes with addresses that may be anybody's. Every peer here is a real socket."""

import socket
from contextlib import ExitStack
from functools import cache

import pytest
from support.scts import Authority, Issued
from support.tls_servers import always, raw_server, tls_server

from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.verify.fetch.deadline import Deadline
from sp1tee.verify.fetch.tls import MAX_ADDRESSES, answering_first, connect, fetch_endpoints
from sp1tee.verify.ingress import read_chain

HOST = "tee.example.com"


@cache
def ca() -> Authority:
    return Authority()


@cache
def good() -> Issued:
    return ca().issue(HOST)


def test_the_chain_is_taken_as_it_is_served():
    with tls_server(good(), always(b"")) as server:
        ((record, pem),) = fetch_endpoints(HOST, server.port, ["127.0.0.1"])
    assert pem is not None
    assert read_chain(pem, "x") == good().chain
    assert (record.address, record.server_name, record.trouble) == ("127.0.0.1", HOST, None)
    assert record.protocol == "TLSv1.3"
    assert server.names == [HOST]


def test_attack_06_every_address_is_asked_over_ipv4_and_ipv6():
    others = {"127.0.0.2": ca().issue(HOST), "::1": ca().issue(HOST)}
    with ExitStack() as stack:
        first = stack.enter_context(tls_server(good(), always(b"")))
        for address, issued in others.items():
            stack.enter_context(tls_server(issued, always(b""), address=address, port=first.port))
        found = fetch_endpoints(HOST, first.port, ["127.0.0.1", *others])
    leaves = {record.address: read_chain(pem or b"", "x")[0] for record, pem in found}
    wanted = {"127.0.0.1": good(), **others}
    assert leaves == {address: issued.leaf for address, issued in wanted.items()}


def test_attack_04_a_certificate_of_another_name_is_recorded_not_refused():
    with tls_server(ca().issue("other.example.org"), always(b"")) as server:
        ((record, pem),) = fetch_endpoints(HOST, server.port, ["127.0.0.1"])
    assert record.trouble is None
    assert pem is not None


@pytest.mark.parametrize(
    ("alert", "gist"), [(120, "no application protocol"), (70, "protocol version"), (40, "failure")]
)
def test_attack_07_a_server_of_http2_only_or_of_old_tls_is_recorded_as_trouble(
    alert: int, gist: str
):
    def serve(plain: socket.socket) -> None:
        plain.recv(4096)
        plain.sendall(bytes.fromhex("1503030002") + bytes([2, alert]))

    with raw_server(serve) as port:
        ((record, pem),) = fetch_endpoints(HOST, port, ["127.0.0.1"])
    assert pem is None
    assert record.trouble is not None
    assert gist in record.trouble.message


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\0\1\0"]
)
def test_somebody_who_speaks_no_tls_is_recorded_as_trouble(answer: bytes):
    def serve(plain: socket.socket) -> None:
        plain.recv(4096)
        plain.sendall(answer)

    with raw_server(serve) as port:
        ((record, pem),) = fetch_endpoints(HOST, port, ["127.0.0.1"])
    assert pem is None
    assert record.trouble is not None
    assert record.trouble.code == "SP1TEE-V005"


def test_attack_03_somebody_who_never_answers_costs_no_more_than_was_given():
    def serve(plain: socket.socket) -> None:
        while plain.recv(4096):
            pass

    with raw_server(serve) as port:
        ((record, _),) = fetch_endpoints(HOST, port, ["127.0.0.1"], seconds=0.2)
    assert record.trouble is not None
    assert "too long" in record.trouble.message


def test_addresses_that_shook_hands_come_first():
    with tls_server(good(), always(b"")) as server:
        asked = fetch_endpoints(HOST, server.port, ["127.0.0.8", "127.0.0.1", "127.0.0.9"])
    assert answering_first(asked) == ("127.0.0.1", "127.0.0.8", "127.0.0.9")


def test_a_closed_port_is_recorded_as_trouble():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ((record, _),) = fetch_endpoints(HOST, port, ["127.0.0.1"])
    assert record.trouble is not None
    assert "cannot be reached" in record.trouble.message


@pytest.mark.parametrize("address", ["localhost", "", "1.2.3", "127.0.0.1; rm", "::1]"])
def test_only_ip_addresses_are_connected_to(address: str):
    with pytest.raises(FetchError, match="no IP address"):
        connect(HOST, address, 443, Deadline(1))


@pytest.mark.parametrize("host", ["", "a b", "bücher.example", "a/b", "a" * 300, "a\0b"])
def test_only_host_names_are_asked_for(host: str):
    with pytest.raises(FetchError, match="no host name"):
        connect(host, "127.0.0.1", 443, Deadline(1))


@pytest.mark.parametrize("port", [-1, 70000])
def test_a_port_that_there_is_not_is_trouble(port: int):
    with pytest.raises(FetchError):
        connect(HOST, "127.0.0.1", port, Deadline(1))


def test_attack_03_a_chain_without_end_is_refused():
    long = Issued(good().chain + good().chain[1:] * 12, good().key)
    with (
        tls_server(long, always(b"")) as server,
        pytest.raises(EvidenceTooLarge, match="certificates"),
    ):
        connect(HOST, "127.0.0.1", server.port, Deadline(10))


def test_more_addresses_than_any_host_has_are_recorded_as_not_asked():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = fetch_endpoints(HOST, port, ["127.0.0.1"] * (MAX_ADDRESSES + 1))
    assert len(found) == MAX_ADDRESSES + 1
    last = found[-1][0].trouble
    assert last is not None
    assert "not asked" in last.message
