"""Any order of calls and passing time leaves the store as a tiny model says."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from support.stores import ALICE, BOB, EVERYTHING, FAILURE, TTL, opened

from sp1tee.errors import BlobErased, LeaseLost, StateConflict
from sp1tee.store.records import WAITING_STATES, Artifact, Leased, State, StoreLimits

# Nothing is erased for its age here; deadlines, leases and attempts are what this is about.
CAROL = b"carol".ljust(20)
LIMITS = StoreLimits(proof_retention_s=1e12, record_retention_s=1e12)
ENDED = {State.FAILED, State.EXPIRED}


@dataclass
class Expected:
    """What the model knows of a request."""

    key: str
    deadline: int
    artifact: Artifact
    state: State
    attempts: int = 0
    holder: str | None = None
    held_until: float = 0.0
    told: bool = False
    requester: bytes = ALICE

    @property
    def is_open(self) -> bool:
        return self.state in WAITING_STATES or self.state is State.PROVED

    def leave(self, state: State, *, told: bool = False) -> None:
        self.state, self.holder, self.told = state, None, told


class Lives(RuleBasedStateMachine):
    """Requests living through whatever hypothesis thinks of."""

    leases = Bundle("leases")
    limits = LIMITS
    poisoned = State.FAILED

    @initialize()
    def open_the_store(self) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.home = tempfile.TemporaryDirectory()
        self.room = self.do(
            self.stack.enter_async_context(opened(Path(self.home.name), limits=self.limits))
        )
        self.do(self.room.program())
        self.requests: dict[str, Expected] = {}
        self.holders: dict[str, str] = {}
        self.finished: set[str] = set()
        self.line: list[bytes] = []

    def do(self, call: Any) -> Any:
        return self.runner.run(call)

    @property
    def calls(self) -> Any:
        return self.room.store.requests

    def of(self, lease: Leased) -> Expected:
        return self.requests[lease.record.key]

    @rule(
        queue=st.booleans(),
        seconds=st.integers(1, 200),
        shared=st.booleans(),
        requester=st.sampled_from([ALICE, BOB, CAROL]),
    )
    def accept(self, *, queue: bool, seconds: int, shared: bool, requester: bytes) -> None:
        usable = [
            r.artifact
            for r in self.requests.values()
            if r.state in WAITING_STATES and r.requester == requester
        ]
        artifact = (
            usable[0] if shared and usable else self.do(self.room.upload(requester=requester))
        )
        deadline = int(self.room.clock()) + seconds
        new = self.room.for_input(
            requester=requester, stdin_artifact=artifact.id, deadline=deadline
        )
        record, fresh = self.do(self.calls.accept(new, queue=queue))
        assert fresh
        self.do(self.calls.bind(record.key, sha256(record.key.encode()).digest(), b"t" * 32))
        state = State.QUEUED if queue else State.ACCEPTED
        self.requests[record.key] = Expected(
            record.key, deadline, artifact, state, requester=requester
        )
        if queue:
            self.join(requester)

    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        if (request := self.some(data)) is not None:
            self.do(self.calls.enqueue(request.key))
            if request.state is State.ACCEPTED:
                request.state = State.QUEUED
                self.join(request.requester)

    def join(self, requester: bytes) -> None:
        if requester not in self.line:
            self.line.append(requester)

    def next(self) -> Expected | None:
        """The oldest request of whose turn it is; what is late on the way there has ended."""
        for requester in self.line:
            for request in self.requests.values():
                if (request.requester, request.state) == (requester, State.QUEUED):
                    if request.deadline > self.room.clock():
                        return request
                    request.leave(State.EXPIRED)
        return None

    @rule(target=leases)
    def lease(self) -> Leased | None:
        now = self.room.clock()
        request = self.next()
        leased: Leased | None = self.do(self.calls.lease("gpu-1", EVERYTHING, TTL))
        assert (leased is None) == (request is None)
        if leased is not None and request is not None:
            assert leased.record.key == request.key
            self.line.remove(request.requester)
            self.line.append(request.requester)
            assert request.holder is None
            request.state, request.holder = State.LEASED, leased.lease_id
            request.held_until = now + TTL
            request.attempts += 1
        return leased

    @rule(lease=leases, right_token=st.booleans())
    def beat(self, lease: Leased | None, *, right_token: bool) -> None:
        if lease is None:
            return
        token = lease.token if right_token else b"x" * 32
        alive = self.do(self.calls.beat(lease.lease_id, token, 4, TTL))
        request = self.of(lease)
        assert alive == (right_token and request.holder == lease.lease_id)
        if alive:
            request.held_until = self.room.clock() + TTL

    @rule(lease=leases, settle=st.booleans())
    def finish(self, lease: Leased | None, *, settle: bool) -> None:
        if lease is None:
            return
        request, result = self.of(lease), self.do(self.room.result())
        call = self.calls.finish(lease.lease_id, lease.token, result, settle=settle)
        if lease.lease_id in self.finished:
            assert self.do(call).state is request.state
        elif request.state not in WAITING_STATES:
            with pytest.raises(LeaseLost):
                self.do(call)
        else:
            state = State.SETTLED if settle else State.PROVED
            assert self.do(call).state is state
            self.finished.add(lease.lease_id)
            request.leave(state, told=settle)

    @rule(lease=leases, counts=st.booleans())
    def give_back(self, lease: Leased | None, *, counts: bool) -> None:
        if lease is None:
            return
        request = self.of(lease)
        call = self.calls.give_back(lease.lease_id, lease.token, counts=counts, reason="why not")
        if request.holder != lease.lease_id:
            with pytest.raises(LeaseLost):
                self.do(call)
            return
        self.do(call)
        if not counts:
            request.attempts -= 1
        poisoned = counts and request.attempts >= self.limits.max_attempts
        request.leave(self.poisoned if poisoned else State.QUEUED)

    @rule(lease=leases)
    def fail_lease(self, lease: Leased | None) -> None:
        if lease is None:
            return
        request = self.of(lease)
        call = self.calls.fail_lease(lease.lease_id, lease.token, FAILURE)
        if request.holder == lease.lease_id:
            self.do(call)
            request.leave(State.FAILED)
        else:
            with pytest.raises(LeaseLost):
                self.do(call)

    @rule(data=st.data(), by_requester=st.booleans())
    def end(self, data: st.DataObject, *, by_requester: bool) -> None:
        if (request := self.some(data)) is None:
            return
        if by_requester:
            self.do(self.calls.cancel(request.key, "not needed any more"))
        else:
            self.do(self.calls.fail(request.key, FAILURE))
        if request.is_open:
            request.leave(State.FAILED, told=by_requester)

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        if (request := self.some(data)) is None:
            return
        if request.state is State.HELD:
            self.do(self.calls.retry(request.key))
            request.state, request.attempts = State.QUEUED, 0
            self.join(request.requester)
        else:
            with pytest.raises(StateConflict):
                self.do(self.calls.retry(request.key))

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if (request := self.some(data)) is None:
            return
        if request.state in WAITING_STATES:
            self.do(self.calls.drop(request.key))
            request.leave(State.FAILED)
        else:
            with pytest.raises(StateConflict):
                self.do(self.calls.drop(request.key))

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        if (request := self.some(data)) is None:
            return
        if request.state in {State.PROVED, State.SETTLED}:
            self.do(self.calls.settled(request.key, b"f" * 32))
            request.leave(State.SETTLED, told=True)
        else:
            with pytest.raises(StateConflict):
                self.do(self.calls.settled(request.key, b"f" * 32))

    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        request = self.some(data)
        if request is not None and request.state in ENDED:
            self.do(self.calls.told(request.key))
            request.told = True

    @rule(seconds=st.sampled_from([1, 10, TTL, 100]))
    def pass_time(self, seconds: float) -> None:
        self.room.clock.forward(seconds)

    @rule()
    def sweep(self) -> None:
        now, changed = self.room.clock(), set()
        for request in self.requests.values():
            late = request.deadline + (request.state is State.PROVED) * LIMITS.settle_grace_s
            if request.is_open and late <= now:
                request.leave(State.EXPIRED)
                changed.add(request.key)
            elif request.holder is not None and request.held_until <= now:
                spent = request.attempts >= self.limits.max_attempts
                request.leave(self.poisoned if spent else State.QUEUED)
                changed.add(request.key)
        assert {record.key for record in self.do(self.calls.sweep())} == changed

    @invariant()
    def every_request_is_where_the_model_has_it(self) -> None:
        for request in self.requests.values():
            record = self.do(self.calls.by_key(request.key))
            assert (record.state, record.attempts, record.told) == (
                request.state,
                request.attempts,
                request.told,
            )

    @invariant()
    def the_counts_add_up(self) -> None:
        states = [request.state for request in self.requests.values()]
        assert self.do(self.calls.counts()) == {state: states.count(state) for state in State}

    @invariant()
    def the_outbox_holds_what_is_untold(self) -> None:
        untold = {
            r.key
            for r in self.requests.values()
            if not r.told and (r.state is State.PROVED or r.state in ENDED)
        }
        assert {record.key for record in self.do(self.calls.outbox(1000))} == untold

    @invariant()
    def an_input_is_readable_while_somebody_waits_with_it_and_not_longer(self) -> None:
        needed = {r.artifact.blob for r in self.requests.values() if r.state in WAITING_STATES}
        for blob in {r.artifact.blob for r in self.requests.values()}:
            if blob in needed:
                assert self.do(self.room.read(blob)) == b"an input"
            else:
                with pytest.raises(BlobErased):
                    self.do(self.room.read(blob))

    def some(self, data: st.DataObject) -> Expected | None:
        if not self.requests:
            return None
        return data.draw(st.sampled_from(list(self.requests.values())))

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.do(self.stack.aclose())
            self.runner.close()
            self.home.cleanup()


class HeldLives(Lives):
    """The same where poisoned requests are held, and one loss is enough for that."""

    limits = replace(LIMITS, hold_poisoned=True, max_attempts=1)
    poisoned = State.HELD


@pytest.mark.parametrize("lives", [Lives, HeldLives])
def test_every_life_a_request_can_have(lives: type[Lives]) -> None:
    run_state_machine_as_test(lives, settings=settings(max_examples=25, stateful_step_count=40))
