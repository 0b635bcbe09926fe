"""Frames that ask for nothing, sent without end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from serve.attackers.conftest import Attacked
from support.attacks import FLOODS, HEADERS, NONCE, PING, Way, call_head, frame, opening, pour

from sp1tee.serve.door.limits import Limits
from sp1tee.serve.door.peers import Trusted
from sp1tee.serve.http import Receive, Scope, Send
from sp1tee.serve.listener import Listener, bind

MIB = 1 << 20
BOUND = 64 * MIB
"""What memory may grow by under any attack here; a hundred connections' buffers are less."""


GIVES_UP_S = 2.0
"""How long an attacker waits for whoever may take nothing more; of some floods all is taken."""

CUT_BY_THE_HTTP_SERVER = frozenset({"rapid-reset", "continuation"})


class Door:
    """A listener that minds floods soon, and what it broke off."""

    def __init__(self, trusted: str) -> None:
        limits = Limits(
            trusted=Trusted.of([trusted]), useless_burst=MIB, look_s=0.05, kept_out_s=600.0
        )
        self.closed: asyncio.Queue[str] = asyncio.Queue()
        self._bound = bind("listen", "127.0.0.1:0")
        self.listener = Listener(
            self._bound, _answer, (), limits, lambda reason, _: self.closed.put_nowait(reason)
        )
        self.port = self._bound.getsockname()[1]

    def way(self, source: str) -> Way:
        return Way("127.0.0.1", self.port, source)


async def _answer(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def door(trusted: str) -> AsyncIterator[Door]:
    made = Door(trusted)
    await made.listener.start()
    yield made
    await made.listener.stop()


async def status(way: Way) -> bytes:
    reader, writer = await way.open()
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.split()[1]


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(FLOODS))
async def test_a_flood_is_broken_off_while_others_are_served(name: str):
    async with door("127.0.0.1") as made:
        with made.way("127.0.0.2").connect(GIVES_UP_S) as line:
            poured = await asyncio.to_thread(pour, line, name, 256 * MIB)
        assert poured < 256 * MIB
        if name not in CUT_BY_THE_HTTP_SERVER:
            assert await made.closed.get() == "flood"
        assert await status(made.way("127.0.0.1")) == b"204"


@pytest.mark.anyio
async def test_who_floods_cannot_connect_again_for_a_while_and_others_can():
    async with door("192.0.2.1") as made:
        with made.way("127.0.0.2").connect() as line:
            await asyncio.to_thread(pour, line, "priority", 256 * MIB)
        assert await made.closed.get() == "flood"
        assert made.way("127.0.0.2").is_kept_out()
        assert await status(made.way("127.0.0.3")) == b"204"


@pytest.mark.anyio
async def test_a_flood_through_a_trusted_peer_keeps_nobody_else_of_it_out():
    async with door("127.0.0.2") as made:
        with made.way("127.0.0.2").connect() as line:
            await asyncio.to_thread(pour, line, "priority", 256 * MIB)
        assert await made.closed.get() == "flood"
        assert await status(made.way("127.0.0.2")) == b"204"


@pytest.mark.anyio
async def test_an_upload_as_fast_as_it_goes_is_no_flood():
    async with door("192.0.2.1") as made:
        reader, writer = await made.way("127.0.0.2").open()
        size = 64 * MIB
        writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n")
        writer.write(b"content-length: %d\r\n\r\n" % size)
        for _ in range(size // MIB):
            writer.write(bytes(MIB))
            await writer.drain()
        assert (await reader.read()).split()[1] == b"204"
        writer.close()
        assert made.closed.empty()


def test_frames_answered_to_somebody_who_does_not_read_take_no_memory(attacked: Attacked):
    before = attacked.resident()
    with attacked.way.connect(GIVES_UP_S) as line, contextlib.suppress(OSError):
        line.sendall(opening() + frame(HEADERS, 4, 1, call_head(NONCE)))
        for _ in range(4000):
            line.sendall(frame(PING, 0, 0, bytes(8)) * 1000)
    assert attacked.resident() - before < BOUND
    assert attacked.serves()


def test_a_server_that_was_flooded_serves_on_and_tells_of_it(attacked: Attacked):
    before = attacked.resident()
    way = Way(attacked.way.host, attacked.way.port, "127.0.0.9")
    with way.connect() as line:
        assert pour(line, "priority", 1024 * MIB) < 1024 * MIB
    assert way.is_kept_out()
    assert attacked.resident() - before < BOUND
    assert attacked.serves()


def test_rapid_resets_on_one_connection_after_the_other_take_no_memory(attacked: Attacked):
    before = attacked.resident()
    way = Way(attacked.way.host, attacked.way.port, "127.0.0.12")
    # How many of the calls the application sees, and so whether this is kept out, is by chance.
    with contextlib.suppress(TimeoutError):
        for _ in range(100):
            with way.connect(GIVES_UP_S) as line:
                assert pour(line, "rapid-reset", 256 * MIB) < 256 * MIB
    assert attacked.resident() - before < BOUND
    assert attacked.serves()
