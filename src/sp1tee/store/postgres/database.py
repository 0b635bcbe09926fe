"""A PostgreSQL database as the store's: several servers share it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, final
from weakref import WeakValueDictionary

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from sp1tee.errors import Sp1teeError
from sp1tee.store.database import Clock, Database, Held
from sp1tee.store.postgres.clock import DatabaseClock
from sp1tee.store.postgres.engine import connecting, engine_of, plain_url
from sp1tee.store.postgres.feed import Feed
from sp1tee.store.postgres.preparing import prepared
from sp1tee.store.postgres.reader import PostgresReader
from sp1tee.store.postgres.session import SESSION, Session, Taken
from sp1tee.store.postgres.writer import PostgresWriter
from sp1tee.store.records import RequestRecord, StoreLimits
from sp1tee.store.writer import Tx, Writer

CONNECTIONS: Final = 8
"""In the pool; one more hears, tells and holds (`session`)."""

_ASK_AGAIN_S: Final = 0.05
_LONGEST_S: Final = 0.5


@final
class PostgresDatabase(Database):
    """`Database` on a server of its own."""

    shared = True

    def __init__(
        self, engine: AsyncEngine, session: Session, feed: Feed, clock: DatabaseClock
    ) -> None:
        self.clock = clock
        self.engine = engine
        self.reader = PostgresReader(engine)
        self.session = session
        self.feed = feed
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @override
    def writer(self, clock: Clock, limits: StoreLimits, committed: Callable[[Tx], None]) -> Writer:
        def told(tx: Tx) -> None:
            with self.feed.changing([change.after for change in tx.changed]):
                committed(tx)

        return PostgresWriter(self.engine, clock, limits, told)

    @override
    def follow(self, tell: Callable[[RequestRecord], None]) -> None:
        self.feed.follow(tell)

    @override
    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[Held]:
        # All of this server's locks are one connection's, which would get them twice.
        async with self._turns.setdefault(name, asyncio.Lock()):
            taken = await self._taken(name)
            try:
                yield lambda: not taken.is_closed()
            finally:
                # It must not stay taken because whoever had it is cancelled.
                await asyncio.shield(asyncio.ensure_future(self._give_back(name, taken)))

    @override
    async def check(self) -> None:
        self.feed.check()

    @override
    async def forget_deleted(self) -> bool:
        """Leave it to autovacuum, which the migrations set to come soon after any erasing."""
        return True

    @override
    async def aclose(self) -> None:
        await self.feed.aclose()
        await self.session.aclose()
        await self.engine.dispose()

    async def _taken(self, name: str) -> Taken:
        pause = _ASK_AGAIN_S
        while (taken := await self.session.take(name)) is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_S)
        return taken

    async def _give_back(self, name: str, taken: Taken) -> None:
        try:
            await self.session.give_back(name, taken)
        except Sp1teeError:
            # The connection broke, and the lock is gone with it.
            return


async def open_postgres(
    database_url: str, prepare: Callable[[Connection], None]
) -> PostgresDatabase:
    """Connect, and have the database prepared by one server at a time.

    Raises:
        ConfigError: the URL is malformed, or the database does not let this server in.
        StoreError: the database is not there, or `prepare` says so.
    """
    url = plain_url(database_url)
    await prepared(connecting(url), prepare)
    clock = DatabaseClock()
    session = Session(connecting(url, **SESSION), clock)
    engine = engine_of(connecting(url), CONNECTIONS)
    try:
        mark = (await session.look()).mark
    except BaseException:
        await session.aclose()
        await engine.dispose()
        raise
    feed = Feed(PostgresReader(engine), session, mark)
    return PostgresDatabase(engine, session, feed, clock)
