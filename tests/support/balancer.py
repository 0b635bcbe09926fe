"""A load balancer for TCP, as it stands in front of several servers, or of one that has no TLS."""

import asyncio
import itertools
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Balancer:
    """Gives each connection to the next server; one that does not answer is passed over."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, addresses: Sequence[str] = ("127.0.0.1",)
    ) -> None:
        self._tls = tls
        self._addresses = addresses
        self._servers: Sequence[tuple[str, int]] = ()
        self._turns = itertools.count()
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._addresses[0]}:{self.port}"

    def spread(self, *urls: str) -> None:
        """Name the servers, from now on."""
        parts = [urlsplit(url) for url in urls]
        self._servers = [(part.hostname or "", part.port or 0) for part in parts]

    async def run(self, started: threading.Event, stop: asyncio.Event) -> None:
        servers = []
        for address in self._addresses:
            server = await asyncio.start_server(self._serve, address, self.port, ssl=self._tls)
            self.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        started.set()
        await stop.wait()
        for server in servers:
            server.close()
        for writer in tuple(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            if far := await self._connected():
                await asyncio.gather(_pump(reader, far[1]), _pump(far[0], writer))
        finally:
            self._open.discard(writer)
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        servers, turn = self._servers, next(self._turns)
        for number in range(len(servers)):
            with suppress(OSError):
                return await asyncio.open_connection(*servers[(turn + number) % len(servers)])
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    # Either end's end is the other's.
    writer.close()


@contextmanager
def balancing(
    tls: ssl.SSLContext | None = None, addresses: Sequence[str] = ("127.0.0.1",)
) -> Iterator[Balancer]:
    """Have a balancer that knows no servers yet, at the same port of all addresses."""
    balancer, started = Balancer(tls, addresses), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(balancer.run(started, stop),), name="balancer"
    )
    thread.start()
    try:
        started.wait()
        yield balancer
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
