"""When and why a server stops."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from sp1tee import logs

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_log = logs.get(__name__)


class Stopping:
    """Waits for a reason to stop: a signal, the caller's event, or a part that broke.

    Args:
        stop: the caller's event; without one, signals count.
    """

    def __init__(self, stop: asyncio.Event | None) -> None:
        self._listens = stop is None
        self._stop = asyncio.Event() if stop is None else stop
        self._hurry = asyncio.Event()
        self._failure: BaseException | None = None
        self._parts: list[asyncio.Task[Any]] = []

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Listen to signals. The first one begins to drain, the second one cuts that short."""
        loop = asyncio.get_running_loop()
        heard = SIGNALS if self._listens else ()
        for number in heard:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

    def begin(self, name: str, part: Coroutine[Any, Any, Any]) -> None:
        """Run a part that must not end before the server does."""
        task = asyncio.get_running_loop().create_task(part, name=name)
        task.add_done_callback(self._ended)
        self._parts.append(task)

    async def wait(self) -> None:
        """Wait for a reason to stop."""
        await self._stop.wait()

    async def wait_hurry(self) -> None:
        """Wait for a reason to stop at once."""
        await self._hurry.wait()

    async def end_parts(self) -> None:
        """Cancel all parts and wait until they have ended."""
        for task in self._parts:
            task.cancel()
        if self._parts:
            await asyncio.wait(self._parts)

    def raise_if_failed(self) -> None:
        """Raise what broke, if anything did."""
        if self._failure is not None:
            raise self._failure

    def _signalled(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if task.cancelled() or self._stop.is_set():
            return
        self._failure = task.exception() or RuntimeError(f"{task.get_name()} ended by itself")
        _log.error("a part of the server broke; stopping", part=task.get_name())
        self._stop.set()
