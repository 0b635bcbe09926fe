"""Processes for guests, forked ahead, so that a guest does not wait for one."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sp1tee.errors import ExecutorUnavailable
from sp1tee.fulfill.executors.fork_server import ForkServer
from sp1tee.fulfill.executors.frames import Allowance
from sp1tee.fulfill.executors.process import GuestProcess


class Pool:
    """Keeps a fork server, and `warm` processes ready; each leaves for good when it is taken."""

    def __init__(self, warm: int) -> None:
        self._warm = warm
        self._server: ForkServer | None = None
        self._one_server = asyncio.Lock()
        self._ready: deque[GuestProcess] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._taken: set[GuestProcess] = set()
        self._closed = False

    @asynccontextmanager
    async def process(self, allowance: Allowance) -> AsyncIterator[GuestProcess]:
        """Lend a confined process that no guest has run in, and end it afterwards.

        Raises:
            ExecutorUnavailable: none can be started, or the pool is closed.
        """
        process = await self._take(allowance)
        self._taken.add(process)
        try:
            yield process
        finally:
            try:
                await process.end()
            finally:
                self._taken.discard(process)

    async def warm_up(self) -> None:
        """Have the fork server ready now.

        Raises:
            ExecutorUnavailable: it cannot be started.
        """
        await self._living_server()
        self._refill()

    async def aclose(self) -> None:
        """End all processes: those that wait, those on their way, and those that run guests."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(process.end() for process in self._ready))
        self._ready.clear()
        for process in self._taken:
            process.kill()
        await asyncio.gather(*(process.ended() for process in self._taken))
        async with self._one_server:
            if self._server is not None:
                await self._server.end()

    async def _take(self, allowance: Allowance) -> GuestProcess:
        while self._ready:
            process = self._ready.popleft()
            self._refill()
            with suppress(ExecutorUnavailable):  # it may have died while it waited
                await process.confine(allowance)
                return process
        try:
            process = await self._fork(allowance)
        except ExecutorUnavailable:
            if self._server is None or self._server.alive:
                raise
            process = await self._fork(allowance)
        self._refill()
        return process

    async def _fork(self, allowance: Allowance) -> GuestProcess:
        process = await GuestProcess.start(await self._living_server())
        await process.confine(allowance)
        return process

    async def _living_server(self) -> ForkServer:
        async with self._one_server:
            if self._closed:
                raise ExecutorUnavailable("The executor is closed.", advice="")
            if self._server is not None and not self._server.alive:
                await self._server.end()
                self._server = None
            if self._server is None:
                self._server = await ForkServer.start()
            return self._server

    def _refill(self) -> None:
        missing = self._warm - len(self._ready) - len(self._starting)
        for _ in range(missing):
            task = asyncio.create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        with suppress(ExecutorUnavailable):  # whoever takes the next one learns why
            self._ready.append(await GuestProcess.start(await self._living_server()))
