"""Requesters behind a trusted peer, told apart by what that peer says of them."""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from sp1tee.serve.door.limits import Limits, ToldApart
from sp1tee.serve.door.peers import Trusted
from sp1tee.serve.http import Receive, Scope, Send
from sp1tee.serve.listener import Listener, bind

pytestmark = pytest.mark.anyio

INGRESS, STRANGER = "127.0.0.1", "127.0.0.2"
ALICE, BOB = "8.8.8.8", "9.9.9.9"
MADE_UP = [f"1.1.1.{last}" for last in range(4)]
RATE = 0.2
"""Calls a second: of one requester three, then nothing for five seconds."""

Begin = Callable[[str], bytes]
"""What an ingress sends first on behalf of an address."""


async def _empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def listening(told_apart: ToldApart) -> AsyncIterator[int]:
    bound = bind("listen", "127.0.0.1:0")
    limits = Limits(calls_per_s=RATE, trusted=Trusted.of([INGRESS]), told_apart=told_apart)
    listener = Listener(bound, _empty, (), limits)
    await listener.start()
    yield bound.getsockname()[1]
    await listener.stop()


async def status(port: int, begin: bytes = b"", more: str = "", source: str = INGRESS) -> int:
    """Ask on a connection of its own."""
    reader, writer = await asyncio.open_connection(INGRESS, port, local_addr=(source, 0))
    writer.write(begin + f"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


def forwarded(chain: str) -> str:
    return f"x-forwarded-for: {chain}\r\n"


def proxy_1(address: str) -> bytes:
    """HAProxy's protocol, version 1: text."""
    return f"PROXY TCP4 {address} 127.0.0.1 40000 443\r\n".encode()


def proxy_2(address: str) -> bytes:
    """HAProxy's protocol, version 2: PROXY, TCP over IPv4, 12 bytes of addresses and ports."""
    ends = socket.inet_aton(address) + socket.inet_aton("127.0.0.1")
    head = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(">BBH", 0x21, 0x11, 12)
    return head + ends + struct.pack(">HH", 40000, 443)


@pytest.mark.parametrize(
    ("told_apart", "begin"), [("proxy-v1", proxy_1), ("proxy-v2", proxy_2)], ids=["v1", "v2"]
)
async def test_the_proxy_protocol_names_them(told_apart: ToldApart, begin: Begin):
    async with listening(told_apart) as port:
        asked = [await status(port, begin(address)) for address in (*[ALICE] * 4, BOB)]
    assert asked == [204, 204, 204, 429, 204]


async def test_a_forwarding_header_names_them():
    async with listening("forwarded") as port:
        chains = (*[ALICE] * 4, BOB)
        asked = [await status(port, more=forwarded(chain)) for chain in chains]
    assert asked == [204, 204, 204, 429, 204]


async def test_of_a_forwarding_header_only_what_the_ingress_added_counts():
    async with listening("forwarded") as port:
        chains = [f"{made_up}, {ALICE}" for made_up in MADE_UP]
        asked = [await status(port, more=forwarded(chain)) for chain in chains]
    assert asked == [204, 204, 204, 429]


async def test_a_stranger_s_forwarding_header_is_not_believed():
    async with listening("forwarded") as port:
        chains = map(forwarded, MADE_UP)
        asked = [await status(port, more=chain, source=STRANGER) for chain in chains]
    assert asked == [204, 204, 204, 429]


async def test_without_being_told_nobody_is_counted_behind_an_ingress():
    async with listening("nothing") as port:
        asked = [await status(port, more=forwarded(ALICE)) for _ in range(5)]
    assert asked == [204] * 5


async def test_each_connection_is_one_s_own():
    async with listening("connection") as port:
        reader, writer = await asyncio.open_connection(INGRESS, port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        assert await status(port) == 204
    assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"204", b"429", b"429"]
