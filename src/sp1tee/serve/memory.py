"""Memory that calls and uploads have left behind."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

_LATER_S: Final = 1.0

_THRESHOLDS: Final = (20_000, 50, 10)


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


def collect_seldom() -> None:
    """Look for garbage less often than Python does; for a process that is a server, once.

    With thousands of connections there are so many objects that a third of the time would go into
    going through them, and calls leave hardly any garbage that is not freed at once. What is there
    by now stays, and is never gone through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
