"""A small HTTP/1.1 server: one request a connection, as evidence is fetched."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import h11

from sp1tee.sim.ingress.connections import Exchange, left_alone
from sp1tee.sim.ingress.replies import Reply, Site, look_up

_REQUEST: Final = 16 * 1024
_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its method, its target, and its body."""

    method: str
    target: str
    body: bytes = field(repr=False)


Answerer: TypeAlias = Callable[[Asked], Reply | None]
"""Answers a request; None hangs up."""


async def serve_http(
    site: Site, address: str, port: int, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Serve a site; port 0 takes any."""
    served = _serving(lambda asked: look_up(site, asked.target))
    return await asyncio.start_server(served, address, port, ssl=tls)


async def serve_socket(answer: Answerer, path: Path) -> asyncio.Server:
    """Answer at a Unix socket; one that is left over at its path is replaced."""
    return await asyncio.start_unix_server(_serving(answer), path)


def _serving(answer: Answerer) -> Exchange:
    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(h11.ProtocolError):
            await _exchange(answer, reader, writer)

    return left_alone(exchange)


async def _exchange(
    answer: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_REQUEST)
    async with asyncio.timeout(_PATIENCE):
        asked = await _request(connection, reader)
    reply = None if asked is None else answer(asked)
    if asked is None or reply is None:
        return
    writer.write(connection.send(_head(reply)) or b"")
    if asked.method != "HEAD":
        await _send(connection, writer, reply)
    await writer.drain()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    """Read one request; None if there is none, or one that is too long."""
    request: h11.Request | None = None
    body = bytearray()
    while len(body) <= _REQUEST:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_REQUEST))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            target = request.target.decode("ascii", "replace")
            return Asked(request.method.decode("ascii"), target, bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            return None
    return None


def _head(reply: Reply) -> h11.Response:
    headers = {
        "content-type": reply.media_type,
        "content-length": str(len(reply.body) * reply.repeat),
        "connection": "close",
        **dict(reply.headers),
    }
    return h11.Response(status_code=int(reply.status), headers=list(headers.items()))


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, reply: Reply) -> None:
    for piece in _pieces(reply):
        writer.write(connection.send(h11.Data(data=piece)) or b"")
        await writer.drain()
        if reply.pause:
            await asyncio.sleep(reply.pause)
    writer.write(connection.send(h11.EndOfMessage()) or b"")


def _pieces(reply: Reply) -> list[bytes]:
    if not reply.pause:
        return [reply.body] * reply.repeat
    return [bytes((byte,)) for byte in reply.body * reply.repeat]
