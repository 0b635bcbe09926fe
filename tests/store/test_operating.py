"""What operators do with requests, and requests that are held for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.stores import EVERYTHING, FAILURE, TTL, Room, opened

from sp1tee.errors import BlobErased, RequestNotFound, StateConflict
from sp1tee.store.records import OPEN_STATES, RequestFilter, RequestRecord, State, StoreLimits

pytestmark = pytest.mark.anyio


@pytest.fixture
async def holding(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Room]:
    async with opened(tmp_path, limits=StoreLimits(hold_poisoned=True)) as room:
        yield room


async def poisoned(room: Room) -> RequestRecord:
    record = await room.bound()
    for number in range(3):
        leased = await room.lease(f"gpu-{number}")
        await room.store.requests.give_back(
            leased.lease_id, leased.token, counts=True, reason=f"fault {number}."
        )
    return await room.again(record)


async def the_input_of(room: Room, record: RequestRecord) -> bytes:
    upload = await room.store.artifacts.get(record.stdin_artifact)
    assert upload is not None
    if upload.blob is None:
        raise BlobErased("erased")
    return await room.read(upload.blob)


async def test_a_poisoned_request_is_held_with_its_input(holding: Room) -> None:
    record = await poisoned(holding)
    assert (record.state, record.attempts) == (State.HELD, 3)
    assert "fault 2." in (record.text or "")
    assert await the_input_of(holding, record) == b"an input"
    assert await holding.store.requests.outbox(10) == []


async def test_a_held_request_is_not_leased(holding: Room) -> None:
    await poisoned(holding)
    assert await holding.store.requests.lease("gpu-1", EVERYTHING, TTL) is None


async def test_a_silent_worker_s_last_attempt_is_held_too(holding: Room) -> None:
    leased = await holding.leased()
    for _ in range(3):
        holding.clock.forward(TTL)
        await holding.store.requests.sweep()
        await holding.store.requests.lease("gpu-1", EVERYTHING, TTL)
    assert (await holding.again(leased.record)).state is State.HELD


async def test_a_held_request_can_be_tried_again_from_the_start(holding: Room) -> None:
    record = await poisoned(holding)
    retried = await holding.store.requests.retry(record.key)
    assert (retried.state, retried.attempts, retried.text) == (State.QUEUED, 0, None)
    leased = await holding.lease()
    assert leased.record.key == record.key
    assert (await holding.finish(leased)).state is State.PROVED


async def test_a_held_request_expires_at_its_deadline_and_its_input_goes(holding: Room) -> None:
    record = await poisoned(holding)
    holding.clock.now = record.deadline
    (expired,) = await holding.store.requests.sweep()
    assert (expired.key, expired.state) == (record.key, State.EXPIRED)
    with pytest.raises(BlobErased):
        await the_input_of(holding, record)


async def test_a_late_proof_of_a_held_request_counts(holding: Room) -> None:
    await holding.bound()
    leases = []
    for _ in range(3):
        leases.append(await holding.lease())
        holding.clock.forward(TTL)
        await holding.store.requests.sweep()
    assert (await holding.again(leases[0].record)).state is State.HELD
    assert (await holding.finish(leases[0])).state is State.PROVED


async def test_a_requester_can_cancel_a_held_request(holding: Room) -> None:
    record = await poisoned(holding)
    cancelled = await holding.store.requests.cancel(record.key, "not needed any more")
    assert cancelled.state is State.FAILED


@pytest.mark.parametrize("state", ["queued", "leased", "proved", "failed"])
async def test_nothing_but_a_held_request_is_tried_again(room: Room, state: str) -> None:
    record = await in_state(room, state)
    with pytest.raises(StateConflict, match=state):
        await room.store.requests.retry(record.key)
    assert await room.again(record) == record


@pytest.mark.parametrize("state", ["accepted", "queued", "leased"])
async def test_a_request_without_a_proof_can_be_dropped(room: Room, state: str) -> None:
    record = await in_state(room, state)
    dropped = await room.store.requests.drop(record.key)
    assert dropped.state is State.FAILED
    assert dropped.text == "The operator of this server dropped the request."
    with pytest.raises(BlobErased):
        await the_input_of(room, record)


async def test_a_dropped_request_is_told_to_the_network(holding: Room) -> None:
    record = await poisoned(holding)
    dropped = await holding.store.requests.drop(record.key)
    assert await holding.store.requests.outbox(10) == [dropped]


@pytest.mark.parametrize("state", ["proved", "settled", "failed"])
async def test_a_proof_is_never_dropped_nor_an_end_changed(room: Room, state: str) -> None:
    record = await in_state(room, state)
    with pytest.raises(StateConflict, match=state):
        await room.store.requests.drop(record.key)
    assert await room.again(record) == record


async def test_an_unknown_request_is_neither_dropped_nor_tried_again(room: Room) -> None:
    for call in (room.store.requests.drop, room.store.requests.retry):
        with pytest.raises(RequestNotFound):
            await call("req_unknown")


async def test_every_attempt_is_there_with_its_worker_its_times_and_its_cause(room: Room) -> None:
    began = room.clock()
    first = await room.leased()
    room.clock.forward(5)
    await room.store.requests.give_back(
        first.lease_id, first.token, counts=True, reason="the GPU fell off the bus."
    )
    await room.lease("gpu-2")
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    last = await room.lease("gpu-3")

    tries = await room.store.requests.attempts(first.record.key)

    told = [(t.worker, t.outcome, t.reason) for t in tries]
    assert told == [
        ("gpu-1", "returned", "the GPU fell off the bus."),
        ("gpu-2", "lost", None),
        ("gpu-3", None, None),
    ]
    assert (tries[0].began_at, tries[0].ended_at) == (began, began + 5)
    await room.finish(last)
    assert (await room.store.requests.attempts(first.record.key))[-1].outcome == "finished"


async def test_requests_can_be_listed_oldest_first(room: Room) -> None:
    records = [await room.queued() for _ in range(3)]
    wanted = RequestFilter(states=OPEN_STATES, oldest_first=True, limit=2)
    assert await room.store.requests.find(wanted) == records[:2]


async def in_state(room: Room, state: str) -> RequestRecord:
    if state == "accepted":
        return await room.accepted()
    if state == "queued":
        return await room.queued()
    if state == "leased":
        return (await room.leased()).record
    if state == "proved":
        return await room.proved()
    if state == "settled":
        return await room.settled()
    leased = await room.leased()
    return await room.store.requests.fail_lease(leased.lease_id, leased.token, FAILURE)
