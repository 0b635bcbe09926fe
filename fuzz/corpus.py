"""Inputs worth keeping: those in the repository, and those that a target begins with."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fuzz.target import Target

FOLDER = Path(__file__).parent / "corpus"


def kept(target: Target, folder: Path = FOLDER) -> list[Path]:
    """Return the files of a target's corpus."""
    return sorted(path for path in (folder / target.name).glob("*") if path.is_file())


def inputs(target: Target) -> list[bytes]:
    """Return what a target is tried with first: kept inputs, seeds, and nothing at all."""
    found = [path.read_bytes() for path in kept(target)]
    return [b"", *found, *(seed[: target.size] for seed in target.seeds())]


def name_of(data: bytes) -> str:
    """Name an input by what is in it."""
    return hashlib.sha256(data).hexdigest()[:16]


def write(folder: Path, data: bytes) -> Path:
    """Keep an input in a folder, under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name_of(data)
    path.write_bytes(data)
    return path


@contextmanager
def kept_if_blamed(data: bytes, room: Path) -> Iterator[None]:
    """Keep an input in ``room/found`` if what is done with it here raises.

    An error that may be due to earlier inputs, too, has them as its `suspects`.
    """
    try:
        yield
    except BaseException as error:
        for suspect in getattr(error, "suspects", (data,)):
            write(room / "found", suspect)
        raise
