"""What failed programs printed last, for their requesters: in memory, and nowhere else."""

from collections import OrderedDict
from typing import Final

CAPACITY: Final = 1024


class LastWords:
    """The last words of the newest `capacity` failures, by their requests' keys.

    They may quote an input, so they are on no disk and in no log, and a restart forgets them.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._texts: OrderedDict[str, str] = OrderedDict()

    def keep(self, key: str, text: str) -> None:
        """Remember a program's words; none are not remembered."""
        if not text:
            return
        self._texts[key] = text
        self._texts.move_to_end(key)
        while len(self._texts) > self._capacity:
            self._texts.popitem(last=False)

    def forget(self, key: str) -> None:
        """Remember them no more."""
        self._texts.pop(key, None)

    def of(self, key: str) -> str:
        """Return a program's words; empty if there are none."""
        return self._texts.get(key, "")
