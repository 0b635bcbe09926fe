"""The database's clock: servers whose own clocks differ go by one."""

import time
from typing import final


@final
class DatabaseClock:
    """Unix seconds of the database, kept by this machine's monotonic clock between two looks.

    Each look shows the database's time somewhere between asking and hearing it. What is known
    moves only as far as that demands, so that a slow answer moves nothing.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()
        self._looked = False

    def __call__(self) -> float:
        """Say what time it is."""
        return time.monotonic() + self._ahead

    def heard(self, asked: float, at: float, heard: float) -> None:
        """Take note that the database's clock showed `at` between two moments, monotonic."""
        lowest, highest = at - heard, at - asked
        if not self._looked:
            self._looked, self._ahead = True, (lowest + highest) / 2
        self._ahead = min(max(self._ahead, lowest), highest)
