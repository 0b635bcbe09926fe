"""What becomes due at some time, without looking at all of it to find out."""

import heapq
from collections.abc import Iterator


class Agenda:
    """Requests by the time that something happens to them, if it still should by then."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, bytes]] = []
        self._count = 0

    def add(self, at: float, request_id: bytes) -> None:
        """Note a request; of those for the same time, the first noted comes first."""
        heapq.heappush(self._entries, (at, self._count, request_id))
        self._count += 1

    def due(self, now: float) -> Iterator[bytes]:
        """Take out, and return, what became due by now, in order of time."""
        while self._entries and self._entries[0][0] <= now:
            yield heapq.heappop(self._entries)[2]
