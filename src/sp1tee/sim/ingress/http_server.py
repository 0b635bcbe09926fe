"""A small HTTP/1.1 server of prepared answers: one request a connection, as evidence is fetched."""

import asyncio
import contextlib
import ssl
from typing import Final

import h11

from sp1tee.sim.ingress.connections import left_alone
from sp1tee.sim.ingress.replies import Reply, Site, look_up

_REQUEST: Final = 16 * 1024
_PATIENCE: Final = 30.0


async def serve_http(
    site: Site, address: str, port: int, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    """Serve a site; port 0 takes any."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(h11.ProtocolError):
            await _exchange(site, reader, writer)

    return await asyncio.start_server(left_alone(exchange), address, port, ssl=tls)


async def _exchange(site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_REQUEST)
    async with asyncio.timeout(_PATIENCE):
        request = await _request(connection, reader)
    if request is None:
        return
    reply = look_up(site, request.target.decode("ascii", "replace"))
    writer.write(connection.send(_head(reply)) or b"")
    if request.method != b"HEAD":
        await _send(connection, writer, reply)
    await writer.drain()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Read one request, its body included, which nobody asked for."""
    request = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_REQUEST))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed):
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
