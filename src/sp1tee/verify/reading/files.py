"""Files that a person names."""

import stat
from pathlib import Path
from typing import Final

from sp1tee.errors import EvidenceFileError, EvidenceTooLarge

KIB: Final = 1024
MIB: Final = 1024 * KIB


def read_file(path: Path, limit: int) -> bytes:
    """Read a file or a pipe of at most `limit` bytes.

    Raises:
        EvidenceFileError: it cannot be read.
        EvidenceTooLarge: it has more than `limit` bytes; no more than that is read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise EvidenceFileError(
            f"{path} cannot be read: {error.strerror}.", advice=_advice(path)
        ) from None
    except ValueError:
        raise EvidenceFileError(f"{path} cannot be the name of a file.") from None
    if len(data) > limit:
        raise EvidenceTooLarge(f"{path} has more than {limit} bytes.")
    return data


def is_there(path: Path) -> bool:
    """Tell whether there is anything at a path; at one that no file can have, there is not."""
    try:
        return path.exists()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder at a path, as `is_there` does."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _advice(path: Path) -> str:
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return "Check the path."
    return "Name a file, not a folder." if folder else "Check its permissions."
