"""What is told of requests on their way: ages, times, leases, what a network has yet to be told."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from support.serving import record
from support.stores import V6

from sp1tee.serve.lifecycle import Lifecycle, Untold
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.writer import Change


class Told:
    """A registry, a clock, and what was told."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.now = 1000.0
        self.lifecycle = Lifecycle(self.registry, clock=lambda: self.now, wall=lambda: 5000.0)
        self.before: dict[str, RequestRecord] = {}

    def begins(self, *records: RequestRecord) -> None:
        """These are open when the server starts."""
        self.before |= {record.key: record for record in records}
        self.lifecycle.begin(records)

    def passes(self, *states: State, seconds: float = 10.0, **facts: Any) -> None:
        """A request takes these states at this server, each after so many seconds."""
        for state in states:
            self.now += seconds
            after = record(state=state, **facts)
            self.lifecycle.made(Change(self.before.get(after.key), after))
            self.hears(after)

    def hears(self, after: RequestRecord) -> None:
        """A request changes, here or at another server."""
        self.before[after.key] = after
        self.lifecycle.changed(after)

    def value(self, name: str, **labels: str) -> float | None:
        self.lifecycle.refresh()
        return self.registry.get_sample_value(name, labels)

    def oldest(self, state: str) -> float | None:
        return self.value("sp1tee_oldest_request_seconds", state=state)


@pytest.fixture
def told() -> Told:
    return Told()


def test_the_age_of_the_queue_is_that_of_its_oldest(told: Told) -> None:
    told.passes(State.QUEUED, key="req_1")
    told.passes(State.QUEUED, key="req_2")
    told.now += 5
    assert told.oldest("queued") == 15
    told.passes(State.LEASED, key="req_1", seconds=0)
    assert told.oldest("queued") == 5
    assert told.oldest("leased") == 0


def test_work_is_counted_by_what_a_prover_must_make(told: Told) -> None:
    def work(state: str, mode: str) -> float | None:
        return told.value("sp1tee_work_requests", state=state, version=V6, mode=mode)

    told.begins(record(state=State.QUEUED, key="req_1", version=V6, mode=1))
    told.passes(State.ACCEPTED, State.QUEUED, key="req_2", version=V6, mode=4)
    assert (work("queued", "core"), work("queued", "groth16")) == (1, 1)
    assert work("accepted", "groth16") is None
    told.passes(State.LEASED, key="req_2", version=V6, mode=4)
    assert (work("queued", "groth16"), work("leased", "groth16")) == (0, 1)
    told.passes(State.PROVED, State.SETTLED, key="req_2", version=V6, mode=4)
    assert work("leased", "groth16") == 0


def test_what_was_open_before_is_as_old_as_the_database_says(told: Told) -> None:
    old = record(key="req_1", state=State.QUEUED, created_at=4000, updated_at=4900)
    older = record(key="req_2", state=State.QUEUED, created_at=4400, updated_at=4400)
    told.begins(old, older)
    assert told.oldest("queued") == 600
    told.passes(State.EXPIRED, key="req_1", seconds=0)
    assert told.value("sp1tee_request_seconds_sum", outcome="expired") == 1000


def test_a_database_from_the_future_gives_no_negative_age(told: Told) -> None:
    told.begins(record(state=State.QUEUED, created_at=9000, updated_at=9000))
    assert told.oldest("queued") == 0


def test_the_time_in_each_state_is_told_once_it_is_left(told: Told) -> None:
    told.passes(State.ACCEPTED, State.QUEUED, State.LEASED, State.PROVED, State.SETTLED)
    ways = [("accepted", "queued"), ("queued", "leased"), ("leased", "proved")]
    for state, after in [*ways, ("proved", "settled")]:
        assert told.value("sp1tee_state_seconds_sum", state=state, next=after) == 10
    assert told.value("sp1tee_request_seconds_sum", outcome="settled") == 40
    assert told.oldest("proved") == 0


def test_a_change_that_is_none_of_state_leaves_no_trace(told: Told) -> None:
    told.passes(State.QUEUED)
    told.passes(State.QUEUED, seconds=7)
    assert told.oldest("queued") == 7
    assert told.value("sp1tee_state_seconds_count", state="queued", next="queued") is None


def test_a_request_that_ended_before_is_none_of_ours(told: Told) -> None:
    told.passes(State.SETTLED)
    assert told.value("sp1tee_request_seconds_count", outcome="settled") is None


@pytest.mark.parametrize(
    ("after", "attempts", "outcome"),
    [
        (State.SETTLED, 1, "finished"),
        (State.PROVED, 1, "finished"),
        (State.QUEUED, 1, "broken_off"),
        (State.QUEUED, 0, "returned"),
        (State.FAILED, 1, "failed"),
        (State.EXPIRED, 1, "expired"),
    ],
)
def test_a_lease_is_counted_by_how_it_ended(
    told: Told, after: State, attempts: int, outcome: str
) -> None:
    told.passes(State.QUEUED)
    told.passes(State.LEASED, attempts=1)
    told.passes(after, attempts=attempts)
    assert told.value("sp1tee_leases_total", outcome=outcome) == 1


def test_what_another_server_does_is_followed_and_not_counted(told: Told) -> None:
    for state in (State.QUEUED, State.LEASED):
        told.hears(record(state=state, attempts=1))
        told.now += 10
    assert told.oldest("leased") == 10
    assert told.value("sp1tee_state_seconds_count", state="queued", next="leased") is None
    told.hears(record(state=State.SETTLED, attempts=1))
    assert told.oldest("leased") == 0
    assert told.value("sp1tee_leases_total", outcome="finished") is None
    assert told.value("sp1tee_request_seconds_count", outcome="settled") is None


def test_a_change_of_what_another_server_did_before_is_counted_here(told: Told) -> None:
    told.hears(record(state=State.LEASED, attempts=1))
    told.passes(State.SETTLED, attempts=1)
    assert told.value("sp1tee_leases_total", outcome="finished") == 1
    assert told.value("sp1tee_state_seconds_sum", state="leased", next="settled") == 10
    assert told.value("sp1tee_request_seconds_sum", outcome="settled") == 10


def test_what_this_server_has_not_heard_of_is_as_old_as_the_database_says(told: Told) -> None:
    queued = record(state=State.QUEUED, created_at=4980, updated_at=4990)
    told.lifecycle.made(Change(queued, record(state=State.EXPIRED, created_at=4980)))
    assert told.value("sp1tee_state_seconds_sum", state="queued", next="expired") == 10
    assert told.value("sp1tee_request_seconds_sum", outcome="expired") == 20


def test_attempts_are_told_at_the_end(told: Told) -> None:
    told.passes(State.QUEUED)
    for attempt in (1, 2):
        told.passes(State.LEASED, State.QUEUED, attempts=attempt)
    told.passes(State.FAILED, attempts=2)
    assert told.value("sp1tee_request_attempts_sum", outcome="failed") == 2


class TestUntold:
    """The outbox, as far as Prometheus sees it."""

    @pytest.fixture
    def registry(self) -> CollectorRegistry:
        return CollectorRegistry()

    def test_its_age_is_that_of_the_oldest_ending_however_often_it_is_tried(
        self, registry: CollectorRegistry
    ) -> None:
        now = [100.0]
        untold = Untold(registry, lambda: now[0])
        untold.changed(record(key="req_1", state=State.PROVED))
        now[0] = 130.0
        untold.changed(record(key="req_1", state=State.PROVED, tell_attempts=3))
        untold.changed(record(key="req_2", state=State.FAILED))
        untold.refresh()
        assert registry.get_sample_value("sp1tee_outbox_requests") == 2
        assert registry.get_sample_value("sp1tee_outbox_oldest_seconds") == 30

    def test_what_is_told_is_forgotten(self, registry: CollectorRegistry) -> None:
        untold = Untold(registry)
        untold.changed(record(key="req_1", state=State.PROVED))
        untold.changed(record(key="req_1", state=State.SETTLED, told=True))
        untold.changed(record(key="req_2", state=State.EXPIRED))
        untold.changed(record(key="req_2", state=State.EXPIRED, told=True))
        untold.refresh()
        assert registry.get_sample_value("sp1tee_outbox_requests") == 0

    def test_a_failure_of_which_the_network_never_heard_is_not_due(
        self, registry: CollectorRegistry
    ) -> None:
        untold = Untold(registry)
        untold.changed(record(state=State.FAILED, request_id=None))
        untold.refresh()
        assert registry.get_sample_value("sp1tee_outbox_requests") == 0

    def test_a_restart_dates_what_it_finds_by_its_last_change(
        self, registry: CollectorRegistry
    ) -> None:
        untold = Untold(registry, lambda: 0.0)
        untold.begin([record(state=State.PROVED, updated_at=940)], lambda: 1000.0)
        untold.refresh()
        assert registry.get_sample_value("sp1tee_outbox_oldest_seconds") == 60
