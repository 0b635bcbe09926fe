"""A real PostgreSQL, started for the tests of one run, and a database of its own for each."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"
"""The database's superuser; also whom root starts it as, since it does not run as root."""
OWNER = "sp1tee"
"""Whom servers connect as, who may do nothing beyond their database."""
SOCKET = ".s.PGSQL.5432"
"""What clients look for in the directory that they are told."""

_CONFIGURATION = """
listen_addresses = ''
fsync = off
full_page_writes = off
max_connections = 200
deadlock_timeout = 100ms
log_min_messages = warning
"""


class Postgres:
    """A cluster in a directory of its own, that listens on a Unix socket there."""

    def __init__(self, programs: Path, home: Path, user: str | None) -> None:
        self._programs = programs
        self.home = home
        self._user = user
        self._number = 0
        self.data = home / "data"

    def make(self) -> None:
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{_CONFIGURATION}unix_socket_directories = '{self.home}'\n")

    def start(self) -> None:
        self._control("start", "-l", str(self.home / "log"))

    def stop(self, how: str = "fast") -> None:
        self._control("stop", "-m", how)

    def restart(self, how: str = "fast") -> None:
        self.stop(how)
        self.start()

    def create(self, template: str = "template1") -> str:
        """Make a database that belongs to `OWNER`, and name it."""
        self._number += 1
        name = f"test_{self._number}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
        return name

    def drop(self, name: str) -> None:
        self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str, host: Path | None = None) -> str:
        return f"postgresql://{OWNER}@/{name}?host={host or self.home}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement, and return what it says."""
        return self._run(
            "psql", "-h", self.home, "-U", USER, "-d", database, "-XAtqc", statement
        ).strip()

    def written(self, database: str) -> bytes:
        """All that is on disk of a database, and of what was changed lately in any."""
        self.sql("CHECKPOINT")
        places = self.places(database)
        files = (file for place in places for file in place.iterdir() if file.is_file())
        return b"".join(file.read_bytes() for file in files)

    def places(self, database: str) -> list[Path]:
        """Where a database is on disk, and what was changed lately in any."""
        oid = self.sql(f"SELECT oid FROM pg_database WHERE datname = '{database}'")
        return [self.data / "base" / oid, self.data / "pg_wal"]

    def _control(self, what: str, *options: str) -> None:
        self._run("pg_ctl", "-D", self.data, "-w", what, *options)

    def _run(self, program: str, *arguments: str | Path) -> str:
        # What is started in the background must not hold a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [*_as(self._user), self._programs / program, *arguments],
                check=False,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            said.seek(0)
            text = said.read()
        assert done.returncode == 0, text
        return text


def programs() -> Path | None:
    """Find PostgreSQL's programs: on PATH, or where Debian keeps those of each version."""
    found = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = [*([Path(found).resolve()] if found else []), *reversed(places)]
    return programs[0].parent if programs else None


@contextmanager
def running() -> Iterator[Postgres]:
    """Have a PostgreSQL run for as long as the block does."""
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL is not installed (Debian's postgresql)")
    user = USER if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="sp1tee-postgres-"))
    try:
        if user is not None:
            os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        server = Postgres(where, home, user)
        server.make()
        server.start()
        server.sql(f"CREATE ROLE {OWNER} LOGIN")
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(home)


def _as(user: str | None) -> tuple[str, ...]:
    """Become somebody in a program of its own.

    What Python itself makes another user's is forked, and gRPC's handlers of forks, which run then,
    end the child now and then, if other threads are just at work in gRPC.
    """
    if user is None:
        return ()
    group = str(pwd.getpwnam(user).pw_gid)
    return ("setpriv", "--reuid", user, "--regid", group, "--clear-groups")
