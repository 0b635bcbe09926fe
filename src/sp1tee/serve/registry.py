"""Which workers are there, and what they can prove. Kept in memory: it is about now."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sp1tee.store.records import Capability

_MOST_WORKERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, as it was seen last.

    Attributes:
        worker: the name it chose.
        capabilities: what it can prove.
        at: when, on the monotonic clock.
    """

    worker: str
    capabilities: tuple[Capability, ...]
    at: float


class Registry:
    """Remembers workers for `keep_s` seconds after they were last heard."""

    def __init__(self, keep_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_s = keep_s
        self._clock = clock
        self._seen: dict[str, Seen] = {}

    def leases(self, worker: str, capabilities: Iterable[Capability]) -> None:
        """Note that a worker asks for work."""
        self._note(Seen(worker, tuple(capabilities), self._clock()))

    def beats(self, worker: str) -> None:
        """Note that a worker is alive; one that never asked for work is not remembered."""
        if (seen := self._seen.get(worker)) is not None:
            self._note(Seen(worker, seen.capabilities, self._clock()))

    def workers(self) -> tuple[Seen, ...]:
        """Return who is there."""
        oldest = self._clock() - self._keep_s
        self._seen = {name: seen for name, seen in self._seen.items() if seen.at >= oldest}
        return tuple(self._seen.values())

    def capabilities(self) -> frozenset[Capability]:
        """Return what those who are there can prove; empty when nobody is."""
        return frozenset(able for seen in self.workers() for able in seen.capabilities)

    def _note(self, seen: Seen) -> None:
        self._seen.pop(seen.worker, None)
        self._seen[seen.worker] = seen
        if len(self._seen) > _MOST_WORKERS:
            self._seen.pop(next(iter(self._seen)))
