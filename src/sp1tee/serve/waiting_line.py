"""Workers waiting for something to do, woken one for each thing there is to do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain

from sp1tee.store.records import Capability, Leased, RequestRecord, State

Take = Callable[[], Awaitable[Leased | None]]
"""Tries to lease something now."""


@dataclass(eq=False, slots=True)
class _Waiter:
    can: frozenset[tuple[str, int]]
    keys: frozenset[bytes]
    news: RequestRecord | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, record: RequestRecord) -> bool:
        """Whether news of a request are for this one."""
        return self.news is None and (record.version, record.mode) in self.can

    def tell(self, record: RequestRecord) -> None:
        """Take news of a request."""
        self.news = record
        self.woken.set()

    def forget(self) -> None:
        """Forget the news: whoever looks now will see what it was about."""
        self.news = None
        self.woken.clear()


class WaitingLine:
    """First come, first served, among those who can do the work.

    Nobody polls: a request that becomes ready wakes the first worker in line that fits it and has
    not been woken yet; one that has its program set up goes before those that have not. A worker
    that was woken and needed no waking, because it found something else or went away, passes the
    news on.
    """

    def __init__(self) -> None:
        self._line: dict[_Waiter, None] = {}
        self._closed = False

    def changed(self, record: RequestRecord) -> None:
        """Take note of a request's change; for `Store.subscribe`."""
        if record.state is State.QUEUED:
            self._wake(record)

    def close(self) -> None:
        """Send everybody away with nothing, now and from now on."""
        self._closed = True
        for waiter in self._line:
            waiter.woken.set()

    async def wait(
        self,
        capabilities: Iterable[Capability],
        seconds: float,
        take: Take,
        keys: frozenset[bytes] = frozenset(),
    ) -> Leased | None:
        """Lease something that fits, now or within `seconds`; None if there was nothing.

        `keys` are hashes of the programs that the worker has set up.

        `take` is not cancelled when the time is over: it may have taken something. What it raises
        ends the wait; the news that it was about to look at go to the next in line.
        """
        can = ((offered.version, mode) for offered in capabilities for mode in offered.modes)
        waiter = _Waiter(frozenset(can), keys)
        until = asyncio.get_running_loop().time() + seconds
        # In line before the first try: what becomes ready during it must not be missed.
        self._line[waiter] = None
        try:
            while not self._closed:
                if (leased := await _taken(waiter, take)) or not await _woken(waiter, until):
                    return leased
        finally:
            del self._line[waiter]
            if waiter.news is not None:
                self._wake(waiter.news)
        return None

    def _wake(self, record: RequestRecord) -> None:
        fitting = (waiter for waiter in self._line if waiter.fits(record))
        first = next(fitting, None)
        if first is None:
            return
        prepared = (one for one in chain([first], fitting) if record.vk_hash in one.keys)
        next(prepared, first).tell(record)


async def _taken(waiter: _Waiter, take: Take) -> Leased | None:
    news = waiter.news
    waiter.forget()
    try:
        return await take()
    except BaseException:
        waiter.news = waiter.news or news
        raise


async def _woken(waiter: _Waiter, until: float) -> bool:
    try:
        async with asyncio.timeout_at(until):
            await waiter.woken.wait()
    except TimeoutError:
        return False
    return True
