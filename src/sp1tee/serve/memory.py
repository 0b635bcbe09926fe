"""Memory that an upload has left behind."""

import ctypes
from collections.abc import Callable
from typing import Final


def _trimmer() -> Callable[[int], int] | None:
    """Find `malloc_trim` of glibc; other C libraries return what is freed by themselves."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return found


_TRIM: Final = _trimmer()


def give_back() -> None:
    """Return freed memory to the system; glibc keeps it for itself. Takes milliseconds."""
    if _TRIM is not None:
        _TRIM(0)
