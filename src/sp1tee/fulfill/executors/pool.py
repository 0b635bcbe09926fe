"""Processes for guests, started ahead, so that a guest does not wait for one to load."""

import asyncio
from collections import deque
from contextlib import suppress

from sp1tee.errors import ExecutorUnavailable
from sp1tee.fulfill.executors.process import GuestProcess


class Pool:
    """Keeps `warm` processes ready; each leaves the pool for good when it is taken."""

    def __init__(self, warm: int) -> None:
        self._warm = warm
        self._ready: deque[GuestProcess] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(self) -> GuestProcess:
        """Give away a process that no guest has run in, and start another one for later.

        Raises:
            ExecutorUnavailable: none can be started, or the pool is closed.
        """
        if self._closed:
            raise ExecutorUnavailable("The executor is closed.", advice="")
        taken = await self._first_fresh() or await GuestProcess.start()
        self._refill()
        return taken

    async def warm_up(self) -> None:
        """Have one process ready now.

        Raises:
            ExecutorUnavailable: none can be started.
        """
        self._ready.append(await GuestProcess.start())
        self._refill()

    async def aclose(self) -> None:
        """End all processes that wait, and those on their way."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(process.end() for process in self._ready))
        self._ready.clear()

    async def _first_fresh(self) -> GuestProcess | None:
        while self._ready:
            process = self._ready.popleft()
            if process.fresh:
                return process
            await process.end()
        return None

    def _refill(self) -> None:
        missing = self._warm - len(self._ready) - len(self._starting)
        for _ in range(missing):
            task = asyncio.create_task(self._start_one())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start_one(self) -> None:
        with suppress(ExecutorUnavailable):  # whoever takes the next one learns why
            self._ready.append(await GuestProcess.start())
