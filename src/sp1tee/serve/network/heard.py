"""What the network said lately, and for how long that is good enough."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

FRESH_S: Final = 1.0
QUESTIONS_PER_S: Final = 500.0
"""However many requests are polled, the network is asked about as many a second as this."""
CAPACITY: Final = 16_384

_AWAITED_S: Final = 60.0

T = TypeVar("T")


class Heard(Generic[T]):
    """Answers by request, with the time they came; the longest unheard of goes first.

    An answer that can change is fresh for a second. With more requests than can be asked about in
    a second, it is fresh for longer, the same for all of them: how long follows from how many were
    asked about in the last minute.

    Args:
        capacity: how many answers are kept of those that can change, and of the others.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._awaited: OrderedDict[bytes, tuple[float, T]] = OrderedDict()
        self._others: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def note(self, key: bytes, answer: T, now: float, *, final: bool) -> None:
        """Keep an answer; a final one can't change any more."""
        self.forget(key)
        kept = self._others if final else self._awaited
        kept[key] = (now, answer)
        if len(kept) > self._capacity:
            kept.popitem(last=False)
        self._move_old(now)

    def fresh(self, key: bytes, now: float) -> T | None:
        """Return an answer that is good enough not to ask again, None if there is none."""
        found = self._awaited.get(key)
        if found is None or now - found[0] >= self.fresh_s:
            return None
        return found[1]

    def last(self, key: bytes) -> T | None:
        """Return the last answer, however old."""
        found = self._awaited.get(key) or self._others.get(key)
        return None if found is None else found[1]

    def forget(self, key: bytes) -> None:
        """Drop an answer."""
        self._awaited.pop(key, None)
        self._others.pop(key, None)

    @property
    def fresh_s(self) -> float:
        """For how long an answer is fresh, in seconds."""
        return max(FRESH_S, len(self._awaited) / QUESTIONS_PER_S)

    def _move_old(self, now: float) -> None:
        """Stop counting who was not asked about for a minute; it may be nobody waits any more."""
        while self._awaited:
            key, (at, answer) = next(iter(self._awaited.items()))
            if now - at < _AWAITED_S:
                return
            del self._awaited[key]
            self._others[key] = (at, answer)
            if len(self._others) > self._capacity:
                self._others.popitem(last=False)
