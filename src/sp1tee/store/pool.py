"""Threads for work on bytes and disks."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, final

P = ParamSpec("P")
T = TypeVar("T")


@final
class Pool:
    """A few threads. What was begun runs to its end, whatever becomes of who asked for it.

    So that no file is closed or removed under a thread that still works on it: keep the future
    of `begin` and wait for it with `ended`.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, name)

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Start work in a thread; await the future through `asyncio.shield` only."""
        return asyncio.wrap_future(self._threads.submit(work, *args, **kwargs))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work in a thread and wait for it."""
        begun = self.begin(work, *args, **kwargs)
        # Who asked may be gone when it fails, and then nobody is to be told.
        begun.add_done_callback(_noticed)
        return await asyncio.shield(begun)

    async def aclose(self) -> None:
        """Finish what was begun."""
        await asyncio.to_thread(self._threads.shutdown)


def _noticed(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()


async def ended(begun: Collection[asyncio.Future[Any]]) -> None:
    """Wait for work to end, well or badly."""
    if begun:
        finished, _ = await asyncio.wait(begun)
        for future in finished:
            _noticed(future)
