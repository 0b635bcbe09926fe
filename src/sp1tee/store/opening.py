"""Everything that has to be right before the store may be used. Blocks."""

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from sqlalchemy import URL, Engine

from sp1tee.errors import StoreInUse
from sp1tee.store.database import guarded, reading_engine, sqlite_url, writing_engine
from sp1tee.store.disk import PRIVATE_DIRECTORY, PRIVATE_FILE
from sp1tee.store.faults import disk_fault
from sp1tee.store.file_vault import INCOMING
from sp1tee.store.identity import mark, vault_of
from sp1tee.store.master_key import BLOBS_DIR, MasterKey
from sp1tee.store.migrations import migrate
from sp1tee.store.sealing import KeyWrap

_LOCK: Final = "store.lock"


@final
@dataclass(frozen=True, slots=True)
class Ground:
    """What the store stands on, until `close`."""

    writing: Engine
    reading: Engine
    blobs: Path
    wrap: KeyWrap
    close: Callable[[], None]


def prepare(data_dir: Path, database_url: str | None, master_key: MasterKey) -> Ground:
    """Take the data directory, bring the database up to date, check that all belongs together.

    Raises:
        ConfigError: `database_url` cannot be used.
        StoreError: as `open_store` says.
    """
    url = sqlite_url(database_url, data_dir)
    with ExitStack() as held:
        try:
            return _take(held, data_dir, url, KeyWrap(master_key))
        except OSError as error:
            raise disk_fault(error, f"Opening the store in {data_dir}") from None


def _take(held: ExitStack, data_dir: Path, url: URL, wrap: KeyWrap) -> Ground:
    data_dir.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    held.callback(os.close, _locked(data_dir))
    assert url.database is not None
    os.close(_private_file(Path(url.database)))
    blobs = data_dir / BLOBS_DIR
    writing, reading = writing_engine(url), reading_engine(url)
    held.callback(writing.dispose)
    held.callback(reading.dispose)
    with guarded(), writing.begin() as connection:
        migrate(connection)
        vault_id = vault_of(connection, blobs, wrap)
    for directory in (blobs, blobs / INCOMING):
        directory.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    mark(blobs, vault_id)
    return Ground(writing, reading, blobs, wrap, held.pop_all().close)


def _locked(data_dir: Path) -> int:
    descriptor = _private_file(data_dir / _LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreInUse(f"Another server works in {data_dir}.") from None
    return descriptor


def _private_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
