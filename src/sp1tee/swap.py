"""Swap, by which inputs in memory can get to a disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SWAPS: Final = Path("/proc/swaps")
_BLOCK: Final = Path("/sys/block")
_ENCRYPTED: Final = "CRYPT-"
"""What the kernel's name of a dm-crypt device begins with; others of the device mapper differ."""
_IN_MEMORY: Final = "zram"

ADVICE: Final = "Turn swap off, or encrypt it with a key that is lost at reboot."


@dataclass(frozen=True, slots=True)
class Swap:
    """An area that the kernel may write memory to.

    Attributes:
        path: device or file.
        size: in bytes.
        safe: whether it is encrypted by the device mapper, or in memory itself. Of a file it is
            not known what it stands on, so it is not safe.
    """

    path: str
    size: int
    safe: bool


def swaps(listing: Path = _SWAPS, block: Path = _BLOCK) -> tuple[Swap, ...]:
    """List the areas in use (``/proc/swaps``: path, kind, kilobytes, …); none where unknown."""
    try:
        lines = listing.read_text("utf-8", "replace").splitlines()[1:]
    except OSError:
        return ()
    rows = [line.split() for line in lines]
    return tuple(
        Swap(row[0], int(row[2]) * 1024, _is_safe(row[0], block))
        for row in rows
        if len(row) > 2 and row[2].isdecimal()  # noqa: PLR2004 - path, kind, size
    )


def exposed(found: tuple[Swap, ...]) -> int:
    """Count the bytes of swap from which memory could be read by whoever takes the disk."""
    return sum(swap.size for swap in found if not swap.safe)


def _is_safe(path: str, block: Path) -> bool:
    name = Path(path).resolve().name
    if name.startswith(_IN_MEMORY):
        return _read(block / name / "backing_dev") in ("", "none")
    return _read(block / name / "dm" / "uuid").startswith(_ENCRYPTED)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
