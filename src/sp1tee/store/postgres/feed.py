"""What other servers change, heard of here.

Every change bears the number of its transaction. A look takes all changes from the oldest
transaction on that was under way at the look before: so that nothing is missed, in whatever order
transactions end. Another server's ring (NOTIFY) brings the next look forward, and says no more than
that; without one there is a look every `EVERY_S`. Rings are sent after the commit and on a
connection of their own, since a transaction that notifies makes all others wait for its commit.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final, final

from sqlalchemy import Connection, bindparam, select

from sp1tee.errors import StoreError, StoreUnavailable
from sp1tee.store.postgres.reader import PostgresReader
from sp1tee.store.postgres.session import Session
from sp1tee.store.records import RequestRecord
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import requests

EVERY_S: Final = 1.0
LATE_S: Final = 15.0
"""After so long without a look, a server does not know any more what others do."""

Tell = Callable[[RequestRecord], None]


@final
class Feed:
    """Tells of requests that others changed, each in its newest state, and rings for our own."""

    def __init__(self, reader: PostgresReader, session: Session, mark: int) -> None:
        self._reader = reader
        self._session = session
        self._mark = mark
        self._tell: Tell | None = None
        self._wake = asyncio.Event()
        self._to_ring = False
        self._known: dict[str, RequestRecord] = {}
        """What was told lately, as long as looks may find it."""
        self._ours: dict[str, RequestRecord] = {}
        """What changed here since the last look began."""
        loop = asyncio.get_running_loop()
        self._looked_at = loop.time()
        session.listen(self._wake.set)
        self._task = loop.create_task(self._run())

    def follow(self, tell: Tell) -> None:
        """Have `tell` called with each change from now on."""
        self._tell = tell

    @contextmanager
    def changing(self, records: Sequence[RequestRecord]) -> Iterator[None]:
        """Take note of changes of our own, of which the block tells.

        What another server made of them may have been heard of before: that is told again, so that
        the newest state is always the last that is told.
        """
        newer = [
            known
            for record in records
            if (known := self._known.get(record.key)) and known.revision > record.revision
        ]
        self._ours |= {record.key: record for record in records}
        yield
        for known in newer:
            self._ours[known.key] = known
            self._told(known)
        if records:
            self._to_ring = True
            self._wake.set()

    def check(self) -> None:
        """See that looking goes on.

        Raises:
            StoreUnavailable: it does not.
        """
        if asyncio.get_running_loop().time() - self._looked_at > LATE_S:
            raise StoreUnavailable(
                "What other servers change is not heard of.",
                advice="Look at the database and the way to it.",
            )

    async def aclose(self) -> None:
        """Stop."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._ring()
                await self._look()
            except StoreError:
                # The next look takes what this one did not; `check` tells if there is none.
                await asyncio.sleep(EVERY_S)

    async def _ring(self) -> None:
        if self._to_ring:
            self._to_ring = False
            await self._session.ring()

    async def _look(self) -> None:
        self._known |= self._ours
        self._ours = {}
        looked = await self._session.look()
        found = await self._reader.now(changed_since, self._mark)
        self._mark = looked.mark
        self._looked_at = asyncio.get_running_loop().time()
        # What is not found any more is not found again, unless it changes.
        before, self._known = self._known, {}
        for record in found:
            told = _newest(before.get(record.key), self._ours.get(record.key))
            self._known[record.key] = _newest(record, told) or record
            if told is None or told.revision < record.revision:
                self._told(record)

    def _told(self, record: RequestRecord) -> None:
        if self._tell is not None:
            self._tell(record)


def _newest(one: RequestRecord | None, other: RequestRecord | None) -> RequestRecord | None:
    if one is None or other is None:
        return one or other
    return one if one.revision >= other.revision else other


def changed_since(connection: Connection, mark: int) -> list[RequestRecord]:
    """Find the requests that were changed by a transaction or a later one, oldest first."""
    return [request_record(row) for row in connection.execute(CHANGED, {"mark": mark})]


CHANGED: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.changed_in >= bindparam("mark"))
    .order_by(requests.c.seq)
)
