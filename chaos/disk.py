"""The disk under the server's data: small and in memory where this process may mount one.

Mounts are made in a mount namespace of this run's own, so that nobody else sees them and the
kernel removes them with its last process.
"""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIZE_MIB: Final = 48
OWN_NAMESPACE: Final = "CHAOS_OWN_MOUNTS"

_BALLAST: Final = "ballast"
_BLOCK: Final = 1 << 20
_BUSY_S: Final = 10.0
_LOOK_S: Final = 0.01


def enter_own_namespace(arguments: Sequence[str]) -> None:
    """Run this program again in a mount namespace of its own, if that may be."""
    if OWN_NAMESPACE in os.environ or not _may_mount():
        return
    os.environ[OWN_NAMESPACE] = "1"
    apart = ("unshare", "--mount", "--propagation", "private", "--")
    os.execvp("unshare", [*apart, sys.executable, "-m", "chaos", *arguments])


def mountable() -> bool:
    """Whether disks can be mounted, filled and made read-only here."""
    return OWN_NAMESPACE in os.environ


@dataclass(frozen=True, slots=True)
class Disk:
    """What the server's data directory is on."""

    path: Path

    def mount(self) -> None:
        """Make the directory, on a small disk of its own if that may be."""
        self.path.mkdir(mode=0o700, parents=True)
        if mountable():
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=700", "chaos", self.path)

    def unmount(self, kept: Path | None) -> None:
        """Give the disk back; with `kept`, what is on it is copied there first."""
        if kept is not None:
            shutil.copytree(self.path, kept)
        if mountable():
            _run("umount", "--lazy", self.path)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Leave not a byte."""
        ballast = self.path / _BALLAST
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            size = _BLOCK
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 16
        try:
            yield
        finally:
            ballast.unlink()

    @contextlib.contextmanager
    def read_only(self, part: str = ".") -> Iterator[None]:
        """Let nothing be written to a part of it, once no file of it is open for writing."""
        place = self.path / part
        _run("mount", "--bind", place, place)
        try:
            end = time.monotonic() + _BUSY_S
            while not _done("mount", "-o", "remount,bind,ro", place):
                if time.monotonic() > end:
                    raise TimeoutError(f"{place} stays busy")
                time.sleep(_LOOK_S)
            yield
        finally:
            _run("umount", "--lazy", place)


def _may_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def _run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


def _done(*command: str | Path) -> bool:
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True)
    return done.returncode == 0
