"""One piece of work for many who want its result."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Runs at most one coroutine per key; everyone who asks meanwhile waits for that one.

    The work goes on when those who wait are cancelled: a client that hangs up must not undo what
    it has started.
    """

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[T]] = {}

    async def run(self, key: K, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Join the flight of `key`, or start one; returns its result or raises its error."""
        return await asyncio.shield(self.launch(key, start))

    def launch(self, key: K, start: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return the flight of `key`, starting one if there is none."""
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(start())
            self._flights[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return task

    def __contains__(self, key: K) -> bool:
        return key in self._flights

    async def aclose(self) -> None:
        """Cancel what is under way and wait for it to end."""
        tasks = list(self._flights.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, key: K, task: asyncio.Task[T]) -> None:
        del self._flights[key]
        if not task.cancelled():
            # Looked at, so that asyncio does not complain when nobody waited to the end.
            task.exception()
