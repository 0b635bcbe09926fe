"""The server's clock, moved as an operator or a time server would.

A few lines of C (`clock.c`) are preloaded into the process; they are compiled once a run.
libfaketime would do the same without a compiler, but Debian's 0.9.10 makes servers that wait in
several threads stand still.
"""

import atexit
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("clock.c")
_OFFSET: Final = struct.Struct("=q")
_NANOSECONDS: Final = 1_000_000_000


def compiler() -> str | None:
    """Find a C compiler; None where there is none."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that differs from this machine's by what stands in a file."""

    file: Path

    def set(self, seconds: float) -> None:
        """Let it differ by so many seconds from now on. Eight bytes are written at once."""
        offset = _OFFSET.pack(int(seconds * _NANOSECONDS))
        if not self.file.exists():
            self.file.write_bytes(offset)
        with self.file.open("r+b", buffering=0) as file:
            file.write(offset)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to go by it."""
        return {"LD_PRELOAD": str(_library()), "CHAOS_CLOCK": str(self.file)}


@cache
def _library() -> Path:
    found = compiler()
    assert found is not None
    folder = tempfile.mkdtemp(prefix="chaos-clock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = Path(folder) / "clock.so"
    command = [found, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE)]
    subprocess.run(command, check=True, capture_output=True)
    return library
