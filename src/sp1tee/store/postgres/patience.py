"""Trying again while a database restarts or fails over, for as long as callers can be kept."""

import asyncio
from typing import Final

PATIENCE_S: Final = 6.0
_FIRST_S: Final = 0.02
_LONGEST_S: Final = 0.5


class Patience:
    """Pauses between the tries of one call, twice as long each time, for so many seconds in all."""

    def __init__(self, seconds: float = PATIENCE_S) -> None:
        self._until = asyncio.get_running_loop().time() + seconds
        self._pause = _FIRST_S
        self.pauses = 0

    async def pause(self) -> bool:
        """Wait before the next try; False: there is to be none."""
        if asyncio.get_running_loop().time() + self._pause > self._until:
            return False
        self.pauses += 1
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_S)
        return True
