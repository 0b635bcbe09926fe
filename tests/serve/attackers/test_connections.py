"""Connections that are held and hardly used."""

import asyncio
import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from serve.attackers.conftest import CONNECTIONS, PEER_CONNECTIONS, Attacked
from support.attacks import CONTINUATION, HEADERS, PING, Way, call_head, frame, opening
from support.people import eventually, metrics

from sp1tee.serve.door.descriptors import affordable_connections
from sp1tee.serve.door.limits import Limits
from sp1tee.serve.http import Receive, Scope, Send
from sp1tee.serve.listener import Listener, bind
from sp1tee.sim.processes import LocalService

DRIPS = {
    "an HTTP/1.1 head": (b"GET / HTTP/1.1\r\nhost: x\r\nx: ", b"a"),
    "an HTTP/2 head": (
        opening() + frame(HEADERS, 0, 1, call_head("/a")),
        frame(CONTINUATION, 0, 1),
    ),
    "pings": (opening(), frame(PING, 0, 0, bytes(8))),
    "nothing": (b"", b""),
}


@pytest.mark.anyio
@pytest.mark.parametrize("drip", list(DRIPS))
async def test_who_never_finishes_a_head_is_broken_off_however_busy_it_looks(drip: str):
    beginning, more = DRIPS[drip]
    closed: asyncio.Queue[str] = asyncio.Queue()
    limits = Limits(first_s=0.3, look_s=0.05)
    listener = Listener(
        bound := bind("listen", "127.0.0.1:0"),
        _ok,
        (),
        limits,
        lambda why, _: closed.put_nowait(why),
    )
    await listener.start()
    reader, writer = await Way("127.0.0.1", bound.getsockname()[1]).open()
    writer.write(beginning)
    dripping = asyncio.ensure_future(_drip(writer, more))
    assert await closed.get() == "no_request"
    # Everything that the server said before is read; then there is an end.
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(1 << 20)
    dripping.cancel()
    writer.close()
    await listener.stop()


@pytest.mark.anyio
async def test_a_connection_without_another_request_is_broken_off_and_a_busy_one_is_not():
    closed: asyncio.Queue[str] = asyncio.Queue()
    limits = Limits(idle_s=1.0, look_s=0.05)
    entered, release = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            entered.set()
            await release.wait()
        await _ok(scope, receive, send)

    listener = Listener(
        bound := bind("listen", "127.0.0.1:0"),
        app,
        (),
        limits,
        lambda why, _: closed.put_nowait(why),
    )
    await listener.start()
    way = Way("127.0.0.1", bound.getsockname()[1])
    slow, asks_slowly = await way.open()
    asks_slowly.write(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    await entered.wait()
    _, idles = await way.open()
    idles.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert await closed.get() == "idle"
    release.set()
    assert (await slow.readline()).split()[1] == b"204"
    assert closed.empty()
    for writer in (asks_slowly, idles):
        writer.close()
    await listener.stop()


def test_one_stranger_has_no_more_connections_than_it_may_and_begins_no_more(attacked: Attacked):
    with hoarded(attacked.way, 4 * PEER_CONNECTIONS) as lines:
        eventually(lambda: standing(lines) <= PEER_CONNECTIONS or None, "only so many standing")
        assert attacked.serves()
        assert attacked.way.is_kept_out()


def test_a_house_full_of_idle_guests_makes_room_for_whoever_comes(attacked: Attacked):
    with ExitStack() as stack:
        for number in range(20, 28):
            way = Way(attacked.way.host, attacked.way.port, f"127.0.0.{number}")
            stack.enter_context(hoarded(way, PEER_CONNECTIONS - 1))
        assert 8 * (PEER_CONNECTIONS - 1) > CONNECTIONS
        assert attacked.serves()
    assert 'reason="crowded"' in metrics(attacked.service, attacked.server)


def test_a_server_takes_the_descriptors_that_it_may_have(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with LocalService(tmp_path) as service:
            pid = service.serve().popen.pid
            assert resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] == min(hard, 1 << 16)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_there_are_descriptors_for_leave_some_for_files():
    assert affordable_connections(1 << 16, listeners=2) > 2048
    few = affordable_connections(1024, listeners=2)
    assert 100 < few < (1024 - 100) / 2
    assert affordable_connections(1, listeners=2) == 1


def test_a_server_that_ran_out_of_descriptors_comes_back(tmp_path: Path):
    with LocalService(tmp_path) as service:
        server = service.serve()
        resource.prlimit(server.popen.pid, resource.RLIMIT_NOFILE, (128, 1024))
        where = urlsplit(server.public_url)
        assert where.hostname is not None
        assert where.port is not None
        with hoarded(Way(where.hostname, where.port), 200):
            eventually(lambda: b"cannot be accepted" in server.log.read_bytes() or None, "EMFILE")
        eventually(lambda: _answers(server.public_url) or None, "an answer")
        assert server.alive


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=10).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def hoarded(way: Way, many: int) -> Iterator[list[socket.socket]]:
    """Hold connections that have begun to speak HTTP/2, as many as can be had."""
    with ExitStack() as stack:
        lines = []
        with suppress(TimeoutError):
            for _ in range(many):
                lines.append(stack.enter_context(way.connect(1.0)))
                with suppress(ConnectionError):
                    lines[-1].sendall(opening())
        yield lines


def standing(lines: list[socket.socket]) -> int:
    return len(lines) - closed_lines(lines)


def closed_lines(lines: list[socket.socket]) -> int:
    return sum(map(_is_closed, lines))


def _is_closed(line: socket.socket) -> bool:
    try:
        while select.select([line], [], [], 0)[0]:
            if not line.recv(1 << 16):
                return True
    except OSError:
        return True
    return False


async def _drip(writer: asyncio.StreamWriter, more: bytes) -> None:
    while True:
        writer.write(more)
        await asyncio.sleep(0.02)


async def _ok(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
