"""How requests move through their states, as operators see it: how many wait, since when, how long.

Ages are of the monotonic clock, so that a clock that is set shows in no figure. What was open when
this process started, or what it has not heard of before, is as old as the database says.

Of several servers, each follows all requests, and counts the changes that it has made itself.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry

from sp1tee.serve import catalogue
from sp1tee.store.records import OPEN_STATES, RequestRecord, State
from sp1tee.store.writer import Change
from sp1tee.wire.modes import Mode

_WORK: Final = frozenset({State.QUEUED, State.LEASED})
_PROOF: Final = frozenset({State.PROVED, State.SETTLED})
_UNPROVED: Final = frozenset({State.FAILED, State.EXPIRED})


class Lifecycle:
    """Follows every change of a request.

    Args:
        registry: where to tell.
        clock: monotonic seconds.
        wall: the database's time.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._states: dict[str, State] = {}
        self._since: dict[State, dict[str, float]] = {state: {} for state in OPEN_STATES}
        self._born: dict[str, float] = {}
        self._numbers: Counter[tuple[State, str, int]] = Counter()
        self._work = catalogue.WORK.gauge(registry)
        self._oldest = catalogue.OLDEST.gauge(registry)
        self._state_seconds = catalogue.STATE_SECONDS.histogram(registry)
        self._request_seconds = catalogue.REQUEST_SECONDS.histogram(registry)
        self._request_attempts = catalogue.ATTEMPTS.histogram(registry)
        self._leases = catalogue.LEASES.counter(registry)

    def begin(self, open_records: Iterable[RequestRecord]) -> None:
        """Take note of what was open before this process."""
        for record in sorted(open_records, key=lambda record: record.updated_at):
            self._enter(record, self._then(record.updated_at), self._then(record.created_at))

    def changed(self, record: RequestRecord) -> None:
        """Follow a change, whoever made it; for `Store.subscribe`."""
        now = self._clock()
        before = self._states.get(record.key)
        if before is record.state:
            return
        if before is not None:
            del self._since[before][record.key]
            self._numbers[before, record.version, record.mode] -= 1
        if record.is_open:
            self._enter(record, now, self._born.get(record.key, now))
        elif before is not None:
            del self._states[record.key], self._born[record.key]

    def made(self, change: Change) -> None:
        """Count a change that this server has made; for `Store.witness`."""
        before, record = change.before, change.after
        if before is None or before.state is record.state:
            return
        if before.is_open:
            self._leave(before, record)
            if not record.is_open:
                self._end(record)

    def refresh(self) -> None:
        """Set what is a matter of now."""
        now = self._clock()
        for state, since in self._since.items():
            oldest = next(iter(since.values()), now)
            self._oldest.labels(state.value).set(now - oldest)
        for (state, version, mode), number in self._numbers.items():
            if state in _WORK:
                self._work.labels(state.value, version, str(Mode(mode))).set(number)

    def _then(self, moment: float) -> float:
        return self._clock() - max(0.0, self._wall() - moment)

    def _enter(self, record: RequestRecord, since: float, born: float) -> None:
        self._states[record.key] = record.state
        self._since[record.state][record.key] = since
        self._numbers[record.state, record.version, record.mode] += 1
        self._born[record.key] = born

    def _leave(self, before: RequestRecord, record: RequestRecord) -> None:
        since = self._since[before.state].get(record.key, self._then(before.updated_at))
        seconds = self._clock() - since
        self._state_seconds.labels(before.state.value, record.state.value).observe(seconds)
        if before.state is State.LEASED:
            returned = record.attempts < before.attempts
            self._leases.labels(_lease_outcome(record.state, returned=returned)).inc()

    def _end(self, record: RequestRecord) -> None:
        seconds = self._clock() - self._born.get(record.key, self._then(record.created_at))
        self._request_seconds.labels(record.state.value).observe(seconds)
        self._request_attempts.labels(record.state.value).observe(record.attempts)


class Untold:
    """Endings that the upstream network has not been told, and since when; for `Store.subscribe`.

    A restart dates what it finds by its last change, which may be the last attempt to tell.
    """

    def __init__(
        self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._number = catalogue.OUTBOX.gauge(registry)
        self._oldest = catalogue.OUTBOX_OLDEST.gauge(registry)

    def begin(
        self, records: Iterable[RequestRecord], wall: Callable[[], float] = time.time
    ) -> None:
        """Take note of what was untold before this process."""
        for record in sorted(records, key=lambda record: record.updated_at):
            if _is_untold(record):
                self._since[record.key] = self._clock() - max(0.0, wall() - record.updated_at)

    def changed(self, record: RequestRecord) -> None:
        """Take note of a request's change."""
        if _is_untold(record):
            self._since.setdefault(record.key, self._clock())
        else:
            self._since.pop(record.key, None)

    def refresh(self) -> None:
        """Set what is a matter of now."""
        now = self._clock()
        self._number.set(len(self._since))
        self._oldest.set(now - next(iter(self._since.values()), now))


def _lease_outcome(state: State, *, returned: bool) -> str:
    if state in _PROOF:
        return "finished"
    if state is State.QUEUED:
        return "returned" if returned else "broken_off"
    return state.value


def _is_untold(record: RequestRecord) -> bool:
    if record.told:
        return False
    failed = record.state in _UNPROVED and record.request_id is not None
    return failed or record.state is State.PROVED
