"""Connections to SQLite, set up so that a commit is on disk and an erased row is gone."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from sp1tee.errors import ConfigError
from sp1tee.store.master_key import DATABASE

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # WAL's default would lose the last commits in a power cut
    "secure_delete=ON",  # zeros over deleted rows: a dropped blob key must not linger
    "foreign_keys=ON",
    "temp_store=MEMORY",  # nothing spills to files outside the data directory
    "busy_timeout=5000",
)


def sqlite_url(database_url: str | None, data_dir: Path) -> URL:
    """Name the database.

    Raises:
        ConfigError: the url is malformed, or of a kind this release does not speak.
    """
    if database_url is None:
        return URL.create("sqlite", database=str(data_dir / DATABASE))
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ConfigError("database_url is not a URL.", advice="Write sqlite:///path.") from None
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"} or url.query:
        raise ConfigError(
            "database_url names no SQLite file.", advice="Write sqlite:///path, or leave it out."
        )
    return url


def writing_engine(url: URL) -> Engine:
    """Make an engine whose transactions take the write lock at once."""
    engine = _engine(url)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reading_engine(url: URL) -> Engine:
    """Make an engine whose connections cannot write, and see the last commit in each statement."""
    engine = _engine(url, isolation_level="AUTOCOMMIT")
    event.listen(engine, "connect", _forbid_writing)
    return engine


def _engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(
        url,
        # The driver must not begin or commit by itself: savepoints and DDL would escape it.
        connect_args={"isolation_level": None, "check_same_thread": False},
        hide_parameters=True,
        pool_size=2,
        max_overflow=0,
        **options,
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _forbid_writing(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def forget_deleted(connection: Connection) -> bool:
    """Empty the write-ahead log, where copies of deleted rows linger; False: it is in use."""
    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    return not busy
