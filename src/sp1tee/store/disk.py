"""Files and names that are really on disk, and their owner's only."""

import ctypes
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700


def write_new(path: Path, content: bytes) -> None:
    """Put a file on disk, whole or not at all, and never over another one.

    Raises:
        OSError: the disk refuses, or there is such a file.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def start_writing_back(descriptor: int) -> None:
    """Have the kernel begin to write what a file has in the page cache, and don't wait.

    Linux only, and nothing depends on it: `fsync` is what makes it durable.
    """
    if _SYNC_FILE_RANGE is not None:
        _SYNC_FILE_RANGE(descriptor, 0, 0, _WRITE)


def _sync_file_range() -> Callable[..., int] | None:
    try:
        found = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError):
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    result: Callable[..., int] = found
    return result


_SYNC_FILE_RANGE: Final = _sync_file_range()
_WRITE: Final = 2  # SYNC_FILE_RANGE_WRITE
