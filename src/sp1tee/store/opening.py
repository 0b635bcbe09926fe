"""Everything that has to be right before the store may be used."""

import asyncio
import fcntl
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from sqlalchemy import Connection

from sp1tee.errors import StoreInUse
from sp1tee.store.database import Database
from sp1tee.store.disk import PRIVATE_DIRECTORY, PRIVATE_FILE
from sp1tee.store.faults import disk_fault
from sp1tee.store.file_shelf import FileShelf
from sp1tee.store.identity import mark, vault_of
from sp1tee.store.master_key import BLOBS_DIR, MasterKey
from sp1tee.store.migrations import migrate
from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.s3_shelf import BucketShelf
from sp1tee.store.sealing import KeyWrap
from sp1tee.store.shelf import Shelf
from sp1tee.store.sqlite.database import open_sqlite
from sp1tee.store.sqlite.engines import sqlite_url

_LOCK: Final = "store.lock"
_POSTGRES: Final = ("postgresql:", "postgres:", "postgresql+asyncpg:")


@final
@dataclass(frozen=True, slots=True)
class Ground:
    """What the store stands on, until `aclose`."""

    database: Database
    shelf: Shelf
    wrap: KeyWrap
    held: ExitStack

    async def aclose(self) -> None:
        """Let go of the database, then of the directory."""
        await self.database.aclose()
        self.held.close()


async def prepare(
    data_dir: Path, database_url: str | None, bucket: Bucket | None, master_key: MasterKey
) -> Ground:
    """Take the data directory, bring the database up to date, check that all belongs together.

    Without a bucket, sealed files lie in the data directory.

    Raises:
        ConfigError: `database_url` cannot be used.
        StoreError: as `open_store` says.
    """
    with ExitStack() as held:
        try:
            return await _take(held, data_dir, database_url, bucket, KeyWrap(master_key))
        except OSError as error:
            raise disk_fault(error, f"Opening the store in {data_dir}") from None


async def _take(
    held: ExitStack,
    data_dir: Path,
    database_url: str | None,
    bucket: Bucket | None,
    wrap: KeyWrap,
) -> Ground:
    shared = database_url is not None and database_url.startswith(_POSTGRES)
    shelf: Shelf = (
        FileShelf(data_dir / BLOBS_DIR, shared=shared) if bucket is None else BucketShelf(bucket)
    )
    held.callback(shelf.close)
    names: list[str] = []

    def ready(connection: Connection) -> None:
        migrate(connection)
        names.append(vault_of(connection, shelf, wrap))

    if database_url is not None and shared:
        from sp1tee.store.postgres.database import open_postgres  # noqa: PLC0415 - needs an extra

        held.callback(os.close, await asyncio.to_thread(_locked, data_dir, fcntl.LOCK_SH))
        database: Database = await open_postgres(database_url, ready)
    else:
        url = sqlite_url(database_url, data_dir)
        held.callback(os.close, await asyncio.to_thread(_locked, data_dir, fcntl.LOCK_EX))
        database = await asyncio.to_thread(open_sqlite, url, ready)
    try:
        await asyncio.to_thread(_furnish, shelf, names[-1])
    except BaseException:
        await database.aclose()
        raise
    return Ground(database, shelf, wrap, held.pop_all())


def _furnish(shelf: Shelf, vault_id: str) -> None:
    shelf.make()
    mark(shelf, vault_id)


def _locked(data_dir: Path, how: int) -> int:
    data_dir.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    descriptor = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreInUse(f"Another server works in {data_dir}.") from None
    return descriptor
