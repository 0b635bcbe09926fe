"""How much memory a process that starts now may take."""

from contextlib import suppress
from pathlib import Path
from typing import Final

_KIB: Final = 1024


def available(
    machine: Path = Path("/proc/meminfo"), container: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return bytes: what the machine has to give, or what this container's limit leaves of it.

    Args:
        machine: where Linux tells of the machine's memory.
        container: where it tells of this control group's (version 2).

    Returns:
        None if nothing can be found out.
    """
    known = [size for size in (_free(machine), _left(container)) if size is not None]
    return min(known, default=None)


def _free(path: Path) -> int | None:
    size = _field(path, "MemAvailable:")
    return None if size is None else size * _KIB


def _left(folder: Path) -> int | None:
    """What of the group's limit is not used, or used for copies of files alone."""
    with suppress(OSError, ValueError):
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        return limit - used + (_field(folder / "memory.stat", "inactive_file") or 0)
    return None


def _field(path: Path, name: str) -> int | None:
    """Return the number that follows a name at the beginning of a line."""
    with suppress(OSError, ValueError, IndexError):
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return None
