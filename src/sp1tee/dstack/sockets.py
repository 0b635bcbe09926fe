"""Where a guest agent's socket is."""

import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PLACES: Final = tuple(
    Path(folder, name)
    for name in ("dstack.sock", "tappd.sock")
    for folder in ("/var/run", "/run", "/var/run/dstack", "/run/dstack")
)
"""Where containers mount it, the newer agent's first: a guest since dstack 0.4 has both."""


def find_socket(places: Iterable[Path] = PLACES) -> Path | None:
    """Return the first place at which a socket is."""
    return next((place for place in places if _is_socket(place)), None)


def _is_socket(place: Path) -> bool:
    try:
        return stat.S_ISSOCK(place.stat().st_mode)
    except (OSError, ValueError):
        return False
