"""Changing PostgreSQL: every job is one transaction, on whichever connection is free.

Jobs go on at the same time, here and on other servers; what they lock keeps them apart. Where two
got into each other's way one is undone and run again, as is one whose connection broke before its
commit was sent. When it broke while committing, PostgreSQL is asked what became of the transaction
(`pg_xact_status`), so that no job is done twice, or taken for undone when it was done.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from sp1tee.errors import Sp1teeError, StoreOutcomeUnknown, StoreUnavailable
from sp1tee.store.database import Clock
from sp1tee.store.pool import ended
from sp1tee.store.postgres.faults import Fault, database_fault, fault_of
from sp1tee.store.postgres.patience import Patience
from sp1tee.store.records import StoreLimits
from sp1tee.store.writer import Tx, Writer

P = ParamSpec("P")
T = TypeVar("T")

_XID: Final = text("SELECT pg_current_xact_id_if_assigned()::text")
_STATUS: Final = text("SELECT pg_xact_status(CAST(:xid AS text)::xid8)")
_AGAIN: Final = frozenset({Fault.AGAIN, Fault.AWAY, Fault.RACED})
_RACES: Final = 5
_COMMITTED: Final = "committed"
_IN_PROGRESS: Final = "in progress"


@final
@dataclass(slots=True)
class _Try:
    """How far one try of a job came."""

    tx: Tx | None = None
    result: Any = None
    committing: bool = False
    xid: str | None = None
    """Of the transaction; none if the job has written nothing."""


@final
class PostgresWriter(Writer):
    """`Writer`: jobs at the same time, each on a connection of the pool."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        limits: StoreLimits,
        committed: Callable[[Tx], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._committed = committed
        self._running: set[asyncio.Future[Any]] = set()
        self._closed = False

    @override
    async def run(
        self, job: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed.", advice="")
        running = asyncio.ensure_future(self._insist(lambda tx: job(tx, *args, **kwargs)))
        self._running.add(running)
        running.add_done_callback(self._forget)
        return await asyncio.shield(running)

    @override
    async def aclose(self) -> None:
        self._closed = True
        await ended(self._running)

    def _forget(self, running: "asyncio.Future[Any]") -> None:
        self._running.discard(running)
        if not running.cancelled():
            # Whoever waited may have left: then nobody else looks at it.
            running.exception()

    async def _insist(self, job: Callable[[Tx], T]) -> T:
        """Run a job until it has happened, or for good not."""
        patience = Patience()
        while True:
            attempt = _Try()
            try:
                await self._attempt(job, attempt)
            except Sp1teeError:
                raise
            except Exception as error:  # noqa: BLE001 - the driver's own kinds are many
                if not await self._did_happen(attempt, error, patience):
                    await self._judge(error, patience)
                    continue
            assert attempt.tx is not None
            self._committed(attempt.tx)
            result: T = attempt.result
            return result

    async def _attempt(self, job: Callable[[Tx], Any], attempt: _Try) -> None:
        async with self._engine.connect() as connection, connection.begin():
            await connection.run_sync(self._do, job, attempt)
            attempt.committing = True

    def _do(self, connection: Connection, job: Callable[[Tx], Any], attempt: _Try) -> None:
        attempt.tx = Tx(connection, self._clock(), self._limits, shared=True)
        attempt.result = job(attempt.tx)
        attempt.xid = connection.scalar(_XID)

    async def _did_happen(self, attempt: _Try, error: Exception, patience: Patience) -> bool:
        """Tell what became of a job whose transaction ended with an exception.

        Raises:
            StoreOutcomeUnknown: nobody could be asked.
        """
        if not attempt.committing or fault_of(error) is not Fault.AWAY:
            return False
        while attempt.xid is not None:
            try:
                async with self._engine.connect() as connection:
                    status = await connection.scalar(_STATUS, {"xid": attempt.xid})
            except Exception as again:  # noqa: BLE001 - the driver's own kinds are many
                if fault_of(again) is Fault.BUG:
                    # It has never heard of the transaction: another server has taken over.
                    return False
            else:
                if status != _IN_PROGRESS:
                    return bool(status == _COMMITTED)
            if not await patience.pause():
                raise StoreOutcomeUnknown(
                    "The database broke off while it kept a change, and has not come back."
                )
        return True

    async def _judge(self, error: Exception, patience: Patience) -> None:
        """Return if a job should be tried again; raise what to tell its caller if not."""
        fault = fault_of(error)
        again = fault in _AGAIN and (fault is not Fault.RACED or patience.pauses < _RACES)
        if again and await patience.pause():
            return
        if fault in {Fault.BUG, Fault.RACED}:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "A change of the store met a bug.", "exception": error}
            )
        raise database_fault(error) from None
