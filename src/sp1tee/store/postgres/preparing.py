"""Bringing the database up to date while other servers may be at work on it."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sp1tee.errors import Sp1teeError
from sp1tee.store.postgres.engine import STANDSTILL_S
from sp1tee.store.postgres.faults import Fault, database_fault, fault_of
from sp1tee.store.postgres.patience import Patience

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(1936748916, 0)")
_YIELD: Final = text("SET LOCAL lock_timeout = '1s'")
"""A change of a table waits for whoever uses it, and everybody else then waits for the change."""
_PATIENCE_S: Final = STANDSTILL_S + 5.0
"""A server that stands still is outlasted: nobody waits for an answer of one that starts."""


async def prepared(connect: Callable[..., Any], prepare: Callable[[Connection], None]) -> None:
    """Prepare the database in one transaction, which no other server's overlaps.

    Raises:
        ConfigError: the database does not let this server in.
        StoreError: the database is not there, or `prepare` says so.
    """
    patience = Patience(_PATIENCE_S)
    while True:
        try:
            await _prepared_once(connect, prepare)
        except Sp1teeError:
            raise
        except Exception as error:  # noqa: BLE001 - the driver's own kinds are many
            if fault_of(error) is Fault.AGAIN and await patience.pause():
                continue
            raise database_fault(error) from None
        else:
            return


async def _prepared_once(
    connect: Callable[..., Any], prepare: Callable[[Connection], None]
) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, hide_parameters=True, poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME)
            await connection.execute(_YIELD)
            await connection.run_sync(prepare)
    finally:
        await engine.dispose()
