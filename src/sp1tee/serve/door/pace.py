"""How many requests a requester may begin, and who pays no heed to that."""

from dataclasses import dataclass
from typing import Final

BURST_S: Final = 10.0
"""So many seconds' worth of requests may come at once."""

CONNECTION_BURST_S: Final = 1.0
"""The same, of one connection through a trusted peer: another one costs nothing there."""


@dataclass(slots=True, eq=False)
class Party:
    """A peer with all its connections, or one connection of those behind a trusted peer.

    The rate is kept by GCRA (ITU-T I.371, annex A): one number, which says when a peer that had
    begun its requests at an even rate would begin the next.

    Attributes:
        burst_s: how many seconds' worth may come at once.
        due: that moment, on the clock of `admits`.
        refused: requests that were turned away since somebody looked.
    """

    burst_s: float = BURST_S
    due: float = float("-inf")
    refused: int = 0

    def admits(self, now: float, per_second: float) -> bool:
        """Begin a request, unless too many were begun lately."""
        due = max(self.due, now - self.burst_s)
        if due > now:
            self.refused += 1
            return False
        self.due = due + 1 / per_second
        return True

    def rested(self, now: float) -> bool:
        """Tell whether it may begin as many requests as one that never came."""
        return self.due <= now - self.burst_s and not self.refused
