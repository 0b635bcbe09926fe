"""Noticing that nobody works on a request any more, though the API says that it is pending.

A coordinator keeps what it works on in memory. One that is restarted looks for pending requests
and takes them up; one that has just finished a proof may know it no more, and still have to tell
the API. So a request is an orphan only if nobody has known it for a while in which the API could be
told.
"""

import time
from collections.abc import Callable
from typing import Final

ORPHAN_SECONDS: Final = 30.0
"""How long nobody may know a request. The coordinator tells the API, and looks for new requests,
twice a second."""

LOOK_SECONDS: Final = 5.0
"""How often the coordinator is asked."""

# Whoever heard nothing for so long knows nothing of the time between.
_LOOKS_MISSED: Final = 3


class OrphanWatch:
    """What the coordinator says of one request, as long as it goes on."""

    def __init__(
        self,
        seconds: float = ORPHAN_SECONDS,
        look: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch from now on: ask every `look` seconds, and give up after so many `seconds`."""
        self._seconds, self._look, self._clock = seconds, look, clock
        self._unknown_since: float | None = None
        self._last = clock()

    @property
    def due(self) -> bool:
        """Whether it is time to ask again."""
        return self._clock() - self._last >= self._look

    def note(self, *, known: bool) -> bool:
        """Note an answer; return whether the request is an orphan."""
        now = self._clock()
        missed = now - self._last > _LOOKS_MISSED * self._look
        self._last = now
        if known:
            self._unknown_since = None
            return False
        if self._unknown_since is None or missed:
            self._unknown_since = now
            return False
        return now - self._unknown_since >= self._seconds
