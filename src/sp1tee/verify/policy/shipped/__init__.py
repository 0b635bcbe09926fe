"""Policies that come with the program, by the name of the host they are for."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent


def shipped_names() -> tuple[str, ...]:
    """Return the names of the policies that came with the program."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def shipped_file(name: str) -> Path | None:
    """Return the file of a policy that came with the program, if there is one of that name."""
    return FOLDER / f"{name}.toml" if name in shipped_names() else None
