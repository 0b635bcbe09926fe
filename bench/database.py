"""A PostgreSQL of this machine's own, started for one measurement; it syncs, as a real one does."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.lab import NotHereError

USER = "postgres"
"""Whom root starts it as: it does not run as root."""


@contextmanager
def postgres() -> Iterator[str]:
    """Have one run; its database's URL."""
    programs = _programs()
    home = Path(tempfile.mkdtemp(prefix="sp1tee-bench-"))
    user = USER if os.geteuid() == 0 else None
    if user is not None:
        os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(home / "data"), *arguments]
        subprocess.run(command, check=True, user=user, cwd=home, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-U", USER, "-A", "trust")
        options = f"-c listen_addresses='' -c unix_socket_directories={home}"
        run("pg_ctl", "start", "-w", "-l", str(home / "log"), "-o", options)
        try:
            yield f"postgresql://{USER}@/postgres?host={home}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(home)


def _programs() -> Path:
    """On PATH, or where Debian keeps those of each version."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    programs = [*([Path(found).resolve()] if found else []), *reversed(debian)]
    if not programs:
        raise NotHereError("rows of PostgreSQL need Debian's postgresql")
    return programs[0].parent
