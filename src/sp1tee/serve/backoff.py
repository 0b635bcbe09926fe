"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def delays(first: float, cap: float, factor: float = 1.7) -> Iterator[float]:
    """Yield ever longer waits in seconds, without end, each varied by a quarter.

    The variation keeps many who failed together from coming back together.
    """
    wait = first
    while True:
        yield wait * random.uniform(0.75, 1.25)  # noqa: S311 - it spreads load, hides nothing
        wait = min(wait * factor, cap)


def delay_after(failures: int, first: float, cap: float, factor: float = 1.7) -> float:
    """Return the wait after that many failures in a row, varied like `delays`."""
    wait = min(first * factor ** min(failures, 64), cap)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 - as above
