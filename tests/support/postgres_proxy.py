"""Something between servers and their PostgreSQL that breaks connections at chosen moments."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from support.postgres import SOCKET


class Proxy:
    """Passes everything on, until it is told to cut.

    `before` and `after` look at what a client sends; where they say so the connection is cut
    before that is passed on, or after it, with the answer kept back.
    """

    def __init__(self, far: Path) -> None:
        self._far = far
        self.before: Callable[[bytes], bool] = lambda _: False
        self.after: Callable[[bytes], bool] = lambda _: False
        self.cuts = 0
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._far / SOCKET)
        self.open.add(writer)
        answers = asyncio.ensure_future(_pump(far_reader, writer))
        try:
            await self._pass_on(reader, far_writer, answers)
        finally:
            self.open.discard(writer)
            answers.cancel()
            for end in (writer, far_writer):
                end.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
        answers: "asyncio.Future[None]",
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if self.before(data):
                    self.cuts += 1
                    return
                if keep := self.after(data):
                    self.cuts += 1
                    answers.cancel()
                far_writer.write(data)
                await far_writer.drain()
                if keep:
                    return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def between(home: Path, far: Path) -> AsyncIterator[Proxy]:
    """Have a proxy in front of the PostgreSQL whose socket is in `far`; clients look in `home`."""
    proxy = Proxy(far)
    server = await asyncio.start_unix_server(proxy.serve, home / SOCKET)
    try:
        yield proxy
    finally:
        server.close()
        for writer in list(proxy.open):
            writer.close()
        await server.wait_closed()
