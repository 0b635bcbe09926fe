"""The documents' HAProxy and nginx: whoever asks without end gets 429, and takes nobody's share."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.hostile_client import PATIENCE_S
from support.ingress_limits import LIMITING
from support.ingress_places import Place, behind
from support.people import solvency as private_task
from support.people import sp1tee

pytestmark = pytest.mark.e2e

QUESTION = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
AT_ONCE = 500
MOST = 40_000
"""Several times what either lets one client ask in a while."""


@pytest.fixture(params=LIMITING)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with behind(request.param, tmp_path) as place:
        yield place


@contextmanager
def line(place: Place, source: str) -> Iterator[ssl.SSLSocket]:
    """A connection from one of the loopback's many addresses."""
    trust = place.site.context()
    trust.set_alpn_protocols(["http/1.1"])
    at = ("127.0.0.1", place.site.port)
    with (
        socket.create_connection(at, PATIENCE_S, (source, 0)) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        yield secure


def asked(line: ssl.SSLSocket, times: int) -> list[bytes]:
    """Ask so often in one breath; what came back, until the other side has had enough."""
    line.sendall(QUESTION * times)
    said = b""
    while len(found := STATUS.findall(said)) < times:
        more = line.recv(1 << 16)
        if not more:
            break
        said += more
    return [bytes(status) for status in found]


def flooded(place: Place, source: str) -> int:
    """Ask from one address until that is refused; how often it was answered before."""
    answered = 0
    while answered < MOST:
        with line(place, source) as secure:
            found = asked(secure, AT_ONCE)
        answered += found.count(b"200")
        if b"429" in found:
            return answered
    pytest.fail("nobody was refused")


def test_one_client_s_flood_is_refused_and_another_is_answered(place: Place) -> None:
    assert flooded(place, "127.0.0.2") >= 4000
    with line(place, "127.0.0.3") as other:
        assert asked(other, 50) == [b"200"] * 50


# nginx counts what it answers, not connections.
@pytest.mark.parametrize("place", ["haproxy"], indirect=True)
def test_a_client_with_too_many_connections_gets_no_more(place: Place) -> None:
    with ExitStack() as held:
        for _ in range(64):
            held.enter_context(line(place, "127.0.0.2"))
        with pytest.raises((ConnectionError, ssl.SSLError)), line(place, "127.0.0.2"):
            pass
        with line(place, "127.0.0.3") as other:
            assert asked(other, 1) == [b"200"]


def test_a_private_input_becomes_a_checked_proof(place: Place, folder: Path, key: Path) -> None:
    task = private_task(folder)
    place.fulfill()
    out = folder / "proof.bin"
    done = sp1tee(*("prove", *task.flags, "--key-file", str(key), "-o", str(out), *place.contact))
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 0
