"""Memory that an upload has left behind."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

_LATER_S: Final = 1.0


def _trimmer() -> Callable[[int], int] | None:
    """Find `malloc_trim` of glibc; other C libraries return what is freed by themselves."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None
    return found


_TRIM: Final = _trimmer()


def give_back_soon() -> None:
    """Return freed memory to the system, which glibc would keep.

    A moment later, because what a connection has buffered goes after the upload itself.
    """
    if _TRIM is not None:
        loop = asyncio.get_running_loop()
        loop.call_later(_LATER_S, loop.run_in_executor, None, _TRIM, 0)
