"""Which workers are there, and what they can prove. Kept in memory: it is about now."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sp1tee.store.records import Capability
from sp1tee.store.worker_records import WorkerIdentity, WorkerState

_MOST_WORKERS: Final = 4096
_LOOKS_PER_S: Final = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker, as it was seen last.

    Attributes:
        worker: the name it chose.
        capabilities: what it can prove.
        at: when, on the monotonic clock.
        state: whether it gets work; workers that share a token always do.
    """

    worker: str
    capabilities: tuple[Capability, ...]
    at: float
    state: WorkerState = WorkerState.ACTIVE


async def _nobody() -> Iterable[WorkerIdentity]:
    return ()


class Registry:
    """Remembers workers for `keep_s` seconds after they were last heard.

    Args:
        keep_s: how long.
        known: lists the workers with tokens of their own.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        keep_s: float,
        known: Callable[[], Awaitable[Iterable[WorkerIdentity]]] = _nobody,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_s = keep_s
        self._known = known
        self._clock = clock
        self._seen: dict[str, Seen] = {}

    def leases(self, worker: str, capabilities: Iterable[Capability]) -> None:
        """Note that a worker asks for work."""
        self._note(Seen(worker, tuple(capabilities), self._clock()))

    def beats(self, worker: str) -> None:
        """Note that a worker is alive; one that never asked for work is not remembered."""
        if (seen := self._seen.get(worker)) is not None:
            self._note(Seen(worker, seen.capabilities, self._clock()))

    async def workers(self) -> tuple[Seen, ...]:
        """Return who is there."""
        states = {identity.name: identity.state for identity in await self._known()}
        return tuple(
            replace(seen, state=states.get(seen.worker, seen.state)) for seen in self._there()
        )

    async def states(self) -> Mapping[str, int]:
        """Count the workers that are there by state; every state is a key."""
        counted = Counter(seen.state for seen in await self.workers())
        return {state.value: counted[state] for state in WorkerState}

    @property
    def look_again_s(self) -> float:
        """How long busy workers should leave between two looks, so that all of them cost little."""
        return len(self._seen) / _LOOKS_PER_S

    def capabilities(self) -> frozenset[Capability]:
        """Return what those who are there can prove; empty when nobody is."""
        return frozenset(able for seen in self._there() for able in seen.capabilities)

    def _there(self) -> Iterable[Seen]:
        oldest = self._clock() - self._keep_s
        self._seen = {name: seen for name, seen in self._seen.items() if seen.at >= oldest}
        return self._seen.values()

    def _note(self, seen: Seen) -> None:
        self._seen.pop(seen.worker, None)
        self._seen[seen.worker] = seen
        if len(self._seen) > _MOST_WORKERS:
            self._seen.pop(next(iter(self._seen)))
