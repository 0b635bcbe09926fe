"""Clients that send a PUT piece by piece and read the answer whenever it comes."""

import asyncio
from typing import Protocol, Self
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events


class SlowPut(Protocol):
    """A PUT under way."""

    async def send(self, piece: bytes) -> None:
        """Send a piece of the body."""

    async def answer(self) -> tuple[int, bytes]:
        """Wait for the answer: its status and body."""

    def hang_up(self) -> None:
        """Break the connection off."""


class H1Put:
    """Over HTTP/1.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(cls, origin: str, path: str, length: int, *headers: str) -> Self:
        url = urlsplit(origin)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        lines = [f"PUT {path} HTTP/1.1", "host: x", "connection: close", *headers]
        writer.write("\r\n".join([*lines, f"content-length: {length}", "", ""]).encode())
        return cls(reader, writer)

    async def told_to_continue(self) -> None:
        """Wait until the server reads the body; the head must have asked for that."""
        assert await self._reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

    async def send(self, piece: bytes) -> None:
        self._writer.write(piece)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        said = await self._reader.read()
        self.hang_up()
        head, _, body = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def hang_up(self) -> None:
        self._writer.close()


class H2Put:
    """Over HTTP/2 without TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._left = 0
        self._status = 0
        self._body = b""

    @classmethod
    async def begin(cls, origin: str, path: str, length: int, *headers: str) -> Self:
        url = urlsplit(origin)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        made = cls(reader, writer)
        made._left = length
        made._h2.initiate_connection()
        fields = [(":method", "PUT"), (":scheme", "http"), (":authority", "x"), (":path", path)]
        more = [tuple(header.split(": ", 1)) for header in headers]
        made._h2.send_headers(1, [*fields, ("content-length", str(length)), *more])
        await made._flush()
        return made

    async def send(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._h2.send_data(1, piece, end_stream=self._left == 0)
        await self._flush()

    async def answer(self) -> tuple[int, bytes]:
        while data := await self._reader.read(65536):
            if any(map(self._take, self._h2.receive_data(data))):
                break
            await self._flush()
        self.hang_up()
        return self._status, self._body

    def hang_up(self) -> None:
        self._writer.close()

    def _take(self, event: h2.events.Event) -> bool:
        """Take note of an event; True once the answer is over."""
        if isinstance(event, h2.events.ResponseReceived):
            self._status = int(dict(event.headers or [])[b":status"])
        elif isinstance(event, h2.events.DataReceived):
            self._body += event.data or b""
        return isinstance(event, h2.events.StreamEnded | h2.events.StreamReset)

    async def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())
        await self._writer.drain()


SLOW_CLIENTS: dict[str, type[H1Put] | type[H2Put]] = {"h1": H1Put, "h2c": H2Put}
