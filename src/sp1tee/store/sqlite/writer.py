"""The one thread that writes to SQLite: callers that wait at the same time share one fsync.

It takes every job that is waiting, runs each in a savepoint of one transaction, commits, and
resolves the callers on the event loop. A job that raises undoes only itself; a failing disk
undoes, and is told to, everyone who shared the transaction. The thread goes on: once the disk is
back, so is the store.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, final

from sqlalchemy import Connection, Engine
from typing_extensions import override

from sp1tee.errors import Sp1teeError, StoreUnavailable
from sp1tee.store.records import StoreLimits
from sp1tee.store.sqlite.faults import database_fault, is_storage_fault
from sp1tee.store.writer import Tx, Writer

_MOST_AT_ONCE: Final = 256

P = ParamSpec("P")
T = TypeVar("T")


@final
@dataclass(slots=True)
class _Waiting:
    """A job and who waits for it."""

    job: Callable[[Tx], Any]
    future: asyncio.Future[Any]
    tx: Tx | None = None
    result: Any = None
    error: Exception | None = None
    bug: Exception | None = None


@final
class SqliteWriter(Writer):
    """`Writer`: one job after another."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float],
        limits: StoreLimits,
        committed: Callable[[Tx], None],
    ) -> None:
        """Start the thread; `committed` is called on the event loop for each job that did.

        It runs before the job's caller resumes, and must not raise.
        """
        self._engine = engine
        self._clock = clock
        self._limits = limits
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="sp1tee-writer", daemon=True)
        self._thread.start()

    @override
    async def run(
        self, job: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed.", advice="")
        waiting = _Waiting(lambda tx: job(tx, *args, **kwargs), self._loop.create_future())
        self._queue.put(waiting)
        result: T = await waiting.future
        return result

    @override
    async def aclose(self) -> None:
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        # Deliveries of the last batch were scheduled before the thread ended: let them run.
        await asyncio.sleep(0)

    def _serve(self) -> None:
        batch, more = self._take()
        while batch or more:
            self._commit(batch)
            self._loop.call_soon_threadsafe(self._deliver, batch)
            if not more:
                return
            batch, more = self._take()

    def _take(self) -> tuple[list[_Waiting], bool]:
        """Wait for a job, then take all that are there; also say whether more may come."""
        batch: list[_Waiting] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _MOST_AT_ONCE or self._queue.empty():
                return batch, True
            item = self._queue.get()
        return batch, False

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            with self._engine.begin() as connection:
                for waiting in batch:
                    self._attempt(connection, waiting)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody's work was kept
            for waiting in batch:
                waiting.error, waiting.tx = database_fault(error), None

    def _attempt(self, connection: Connection, waiting: _Waiting) -> None:
        cursor = connection.connection.cursor()
        cursor.execute("SAVEPOINT job")
        tx = Tx(connection, self._clock(), self._limits)
        try:
            waiting.result = waiting.job(tx)
        except Exception as error:
            if is_storage_fault(error):
                raise
            if isinstance(error, Sp1teeError):
                waiting.error = error
            else:
                waiting.error, waiting.bug = database_fault(error), error
            cursor.execute("ROLLBACK TO job")
        else:
            waiting.tx = tx
        cursor.execute("RELEASE job")

    def _deliver(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            if waiting.tx is not None:
                self._committed(waiting.tx)
            if waiting.bug is not None:
                self._loop.call_exception_handler(
                    {"message": "A change of the store met a bug.", "exception": waiting.bug}
                )
            if waiting.future.done():
                continue
            if waiting.error is not None:
                waiting.future.set_exception(waiting.error)
            else:
                waiting.future.set_result(waiting.result)
