"""Work that goes on after the call that began it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sp1tee import logs

T = TypeVar("T")

_log = logs.get(__name__)


class Background:
    """Small pieces of work that outlast their callers, but not the server."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin a piece of work that nobody waits for; what it raises is logged."""
        self._begin(work).add_done_callback(_report)

    async def outlast(self, work: Coroutine[Any, Any, T]) -> T:
        """Do a piece of work to its end, even if whoever waits for it is cancelled."""
        return await asyncio.shield(self._begin(work))

    async def aclose(self) -> None:
        """Wait for everything that was begun."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _report(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("background work failed", exc_info=error)
