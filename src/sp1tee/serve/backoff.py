"""How long to wait before trying again."""

import asyncio
import random


def delay_after(failures: int, first: float, cap: float, factor: float = 1.7) -> float:
    """Return the seconds to wait after that many failures in a row.

    They are varied by a quarter, which keeps many who failed together from coming back together.
    """
    wait = min(first * factor ** min(failures, 64), cap)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 - it spreads load, hides nothing


class Pause:
    """Ever longer waits between attempts: from `first` to `cap` seconds."""

    def __init__(self, first: float, cap: float) -> None:
        self._first = first
        self._cap = cap
        self._taken = 0

    async def take(self) -> None:
        """Wait, longer than the last time."""
        wait = delay_after(self._taken, self._first, self._cap)
        self._taken += 1
        await asyncio.sleep(wait)
