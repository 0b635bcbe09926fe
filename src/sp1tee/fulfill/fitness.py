"""Whether this worker should take requests now: its machine may have broken since it was checked.

A request must not pay for a broken machine. What the machine's own check finds is told to nobody
as a failure: the requests are given back as if they had never been leased. What that check does not
find shows in failures, and these make the worker take the next request later and later.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import stamina

from sp1tee.errors import CheckupFailed
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.checkup import require
from sp1tee.logs import get

# How often in a row a check fails before the machine is given up.
CHECKS: Final = 5
LONGEST_SECONDS: Final = 30.0
_FIRST_SECONDS: Final = 1.0

Look = Callable[[], Awaitable[Sequence[Check]]]

_log = get(__name__)


class Fitness:
    """What is known about this machine: that it is fit, until a doubt is confirmed."""

    def __init__(self, look: Look, *, first_wait: float = _FIRST_SECONDS) -> None:
        """Take the machine for fit; `look` checks it, again after `first_wait` seconds and more."""
        self._look = look
        self._again = stamina.AsyncRetryingCaller(
            attempts=CHECKS,
            timeout=None,
            wait_initial=first_wait,
            wait_max=LONGEST_SECONDS,
            wait_jitter=first_wait / 10,
        )
        self._fit = asyncio.Event()
        self._fit.set()
        self._unfit = asyncio.Event()

    @property
    def fit(self) -> bool:
        """Whether there is nothing that this machine is known to lack."""
        return self._fit.is_set()

    async def until_fit(self) -> None:
        """Wait while the machine is unfit."""
        await self._fit.wait()

    async def until_unfit(self) -> None:
        """Wait while the machine is fit."""
        await self._unfit.wait()

    async def confirm(self) -> None:
        """Check the machine, because it could not do something that it should be able to.

        Raises:
            CheckupFailed: it is unfit, and taken for unfit until `recover` returns.
        """
        try:
            await self._check()
        except CheckupFailed as failed:
            self._doubt(failed)
            raise

    async def recover(self) -> None:
        """Check again and again, until the machine is fit.

        Raises:
            CheckupFailed: it is still unfit after `CHECKS` times.
        """
        await self._again(CheckupFailed, self._check)
        self._unfit.clear()
        self._fit.set()
        _log.info("this machine can work again")

    async def _check(self) -> None:
        require(await self._look())

    def _doubt(self, failed: CheckupFailed) -> None:
        if self.fit:
            _log.error(
                "this machine cannot work; nothing is leased until it can",
                found=failed.message,
                advice=failed.advice,
            )
        self._fit.clear()
        self._unfit.set()


class Rest:
    """The time in which a worker leaves the queue to others, after it failed on a request.

    Another worker may succeed, and would never get the chance. Each failure doubles it, because a
    worker may be broken in ways that its own check does not see.
    """

    def __init__(
        self, first: float = _FIRST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._clock = clock
        self._length = 0.0
        self._until = 0.0

    def lengthen(self) -> None:
        """Rest from now on, twice as long as the last time."""
        self._length = min(max(self._first, 2 * self._length), LONGEST_SECONDS)
        self._until = self._clock() + self._length

    def end(self) -> None:
        """Rest no more: the worker has shown that it can."""
        self._length = self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds left to rest; 0 when work may be taken."""
        return max(0.0, self._until - self._clock())
