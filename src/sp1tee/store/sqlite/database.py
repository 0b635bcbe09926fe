"""A SQLite file as the store's database: this process has it for itself."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import final
from weakref import WeakValueDictionary

from sqlalchemy import URL, Connection, Engine
from typing_extensions import override

from sp1tee.store.database import Clock, Database, Held
from sp1tee.store.disk import PRIVATE_FILE
from sp1tee.store.records import RequestRecord, StoreLimits
from sp1tee.store.sqlite.engines import forget_deleted, reading_engine, writing_engine
from sp1tee.store.sqlite.faults import guarded
from sp1tee.store.sqlite.reader import SqliteReader
from sp1tee.store.sqlite.writer import SqliteWriter
from sp1tee.store.writer import Tx, Writer


@final
class SqliteDatabase(Database):
    """`Database` in one file."""

    shared = False
    clock = staticmethod(time.time)

    def __init__(self, writing: Engine, reading: Engine) -> None:
        self.writing = writing
        self.reader = SqliteReader(reading)
        self._reading = reading
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @override
    def writer(self, clock: Clock, limits: StoreLimits, committed: Callable[[Tx], None]) -> Writer:
        return SqliteWriter(self.writing, clock, limits, committed)

    @override
    def follow(self, tell: Callable[[RequestRecord], None]) -> None:
        """Do nothing: nobody else changes it."""

    @override
    @asynccontextmanager
    async def exclusively(self, name: str) -> AsyncIterator[Held]:
        async with self._turns.setdefault(name, asyncio.Lock()):
            yield lambda: True

    @override
    async def check(self) -> None:
        """Do nothing: nobody else changes it."""

    @override
    async def forget_deleted(self) -> bool:
        return await self.reader.aside(forget_deleted)

    @override
    async def aclose(self) -> None:
        await self.reader.aclose()
        await asyncio.to_thread(self._dispose)

    def _dispose(self) -> None:
        self._reading.dispose()
        self.writing.dispose()


def open_sqlite(url: URL, prepare: Callable[[Connection], None]) -> SqliteDatabase:
    """Open the file, making it if need be, and have it prepared. Blocks.

    Raises:
        OSError: the disk refuses.
        StoreError: the file is no database, or `prepare` says so.
    """
    assert url.database is not None
    os.close(os.open(Path(url.database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    with ExitStack() as held:
        writing, reading = writing_engine(url), reading_engine(url)
        held.callback(writing.dispose)
        held.callback(reading.dispose)
        with guarded(), writing.begin() as connection:
            prepare(connection)
        database = SqliteDatabase(writing, reading)
        held.pop_all()
    return database
