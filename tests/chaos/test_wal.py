"""What is torn is what a crash may tear: SQLite itself finds every commit again."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chaos import wal

COMMITS = 40


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A database as `kill -9` leaves it: its last commits are in the log alone."""
    live, left = tmp_path / "live.db", tmp_path / "left.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(COMMITS):
            connection.execute("INSERT INTO t VALUES (?, randomblob(900))", (number,))
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        for suffix in ("", "-wal"):
            shutil.copy(f"{live}{suffix}", f"{left}{suffix}")
    return left


def numbers(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [number for (number,) in connection.execute("SELECT n FROM t ORDER BY n")]


def log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def test_the_log_is_read_up_to_its_last_commit(crashed: Path) -> None:
    data = log_of(crashed).read_bytes()
    log = wal.read_log(data)
    assert log is not None
    assert sum(bool(frame.size) for frame in log.frames) == COMMITS
    assert log.committed == len(data)
    cut = wal.read_log(data[:-1])
    assert cut is not None
    assert cut.committed < log.committed


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_tail_loses_no_commit(crashed: Path, seed: int) -> None:
    wal.tear_tail(log_of(crashed), random.Random(seed))
    assert numbers(crashed) == list(range(COMMITS))


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_page_that_the_log_holds_loses_no_commit(crashed: Path, seed: int) -> None:
    before = crashed.read_bytes()
    assert wal.tear_page(crashed, log_of(crashed), random.Random(seed)).startswith("page ")
    assert crashed.read_bytes() != before
    assert numbers(crashed) == list(range(COMMITS))


def test_a_page_that_the_log_does_not_hold_is_left_alone(tmp_path: Path) -> None:
    database, log = tmp_path / "a.db", tmp_path / "a.db-wal"
    database.write_bytes(bytes(8192))
    log.write_bytes(b"")
    assert wal.tear_page(database, log, random.Random(1)) == "no page to tear"
    assert database.read_bytes() == bytes(8192)


def test_without_its_log_a_torn_page_is_seen_so_that_this_shows_something(crashed: Path) -> None:
    wal.tear_page(crashed, log_of(crashed), random.Random(3))
    log_of(crashed).unlink()
    with pytest.raises((sqlite3.DatabaseError, AssertionError)):
        assert numbers(crashed) == list(range(COMMITS))
