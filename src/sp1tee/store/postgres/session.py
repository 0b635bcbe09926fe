"""The one connection of a server that is not the pool's: it hears, tells and holds.

On it the server listens for others' changes and rings when it has made some, and it holds its
advisory locks, which PostgreSQL lets go of when the connection ends: so nothing outlives a server
that dies.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias, final

import asyncpg

from sp1tee.store.postgres.clock import DatabaseClock
from sp1tee.store.postgres.faults import FAULTS, database_fault

_CHANNEL: Final = "sp1tee_changed"
_LOCKS: Final = 0x73703174
"""Sets our locks apart from those of other programs in the same database."""

SESSION: Final = {
    # A ring must not wait for a disk: one that is lost costs little.
    "synchronous_commit": "off",
    # A server that stands still, and looks no more, lets go of what it holds.
    "idle_session_timeout": "15s",
}

Taken: TypeAlias = asyncpg.Connection
"""What holds a lock: as long as this connection is open, unless it is given back."""

_LOOK: Final = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS mark,
           extract(epoch FROM clock_timestamp())::float8 AS now
"""


@final
@dataclass(frozen=True, slots=True)
class Look:
    """What the database said about itself at one moment."""

    mark: int
    """Every transaction with a lower number has ended, and what it did can be seen."""


@final
class Session:
    """A connection that is opened when it is needed, and again after it broke.

    Its calls raise `StoreUnavailable` while the database is away; the next call tries anew.
    """

    def __init__(self, connect: Callable[[], Any], clock: DatabaseClock) -> None:
        """Keep `clock` right."""
        self._connect = connect
        self._clock = clock
        self._rung: Callable[[], None] = lambda: None
        self._connection: Taken | None = None
        self._turn = asyncio.Lock()

    def listen(self, rung: Callable[[], None]) -> None:
        """Call `rung` when another server has changed something."""
        self._rung = rung

    async def look(self) -> Look:
        """Ask how far the database is, and what time it is there."""
        async with self._open() as connection:
            asked = time.monotonic()
            row = await connection.fetchrow(_LOOK)
            assert row is not None
            self._clock.heard(asked, row["now"], time.monotonic())
            return Look(row["mark"])

    async def ring(self) -> None:
        """Tell the other servers that something has changed."""
        async with self._open() as connection:
            await connection.execute(f"NOTIFY {_CHANNEL}")

    async def take(self, name: str) -> Taken | None:
        """Try to get a lock; returns what to give back, or None while another server has it."""
        async with self._open() as connection:
            query = "SELECT pg_try_advisory_lock($1, $2)"
            taken = await connection.fetchval(query, _LOCKS, lock_number(name))
            return connection if taken else None

    async def give_back(self, name: str, taken: Taken) -> None:
        """Let go of a lock, unless the connection that held it is gone, and the lock with it."""
        async with self._open() as connection:
            if connection is taken:
                query = "SELECT pg_advisory_unlock($1, $2)"
                await connection.execute(query, _LOCKS, lock_number(name))

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.remove_termination_listener(self._terminated)
                await _closed(connection)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Taken]:
        async with self._turn:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._opened()
                yield self._connection
            except FAULTS as error:
                connection, self._connection = self._connection, None
                if connection is not None:
                    connection.terminate()
                raise database_fault(error) from None

    async def _opened(self) -> Taken:
        connection: Taken = await self._connect()
        try:
            connection.add_termination_listener(self._terminated)
            await connection.add_listener(_CHANNEL, self._notified)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _notified(self, connection: Any, pid: int, _channel: str, _payload: object) -> None:
        if pid != connection.get_server_pid():
            self._rung()

    def _terminated(self, _connection: Any) -> None:
        # Whatever was rung meanwhile was not heard.
        self._rung()


def lock_number(name: str) -> int:
    """Number a lock's name, as a signed 32-bit number."""
    return int.from_bytes(sha256(name.encode()).digest()[:4], signed=True)


async def _closed(connection: Taken) -> None:
    try:
        await connection.close(timeout=1)
    except FAULTS:
        connection.terminate()
