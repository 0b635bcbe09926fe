"""What the network has yet to be told, and how that survives failing to tell it."""

import pytest
from support.stores import FAILURE, Room

from sp1tee.errors import BlobErased, StateConflict
from sp1tee.store.records import State, StoreLimits

pytestmark = pytest.mark.anyio


async def test_settling_a_proof_takes_it_out_of_the_outbox(room: Room) -> None:
    proved = await room.proved()
    settled = await room.store.requests.settled(proved.key, b"f" * 32)
    assert (settled.state, settled.told, settled.fulfill_tx_hash, settled.fulfilled_at) == (
        State.SETTLED,
        True,
        b"f" * 32,
        int(room.clock()),
    )
    assert await room.store.requests.outbox(10) == []


async def test_settling_twice_is_settling_once(room: Room) -> None:
    proved = await room.proved()
    first = await room.store.requests.settled(proved.key, b"f" * 32)
    room.heard.clear()
    assert await room.store.requests.settled(proved.key, b"g" * 32) == first
    assert room.heard == []


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
async def test_only_a_proved_request_settles(room: Room, state: State) -> None:
    record = await room.bound()
    if state is State.FAILED:
        await room.store.requests.fail(record.key, FAILURE)
    with pytest.raises(StateConflict):
        await room.store.requests.settled(record.key, None)


async def test_what_could_not_be_told_comes_back_when_it_is_due(room: Room) -> None:
    proved = await room.proved()
    until = room.clock() + 5
    put_off = await room.store.requests.postpone(proved.key, until, "UNAVAILABLE")

    assert (put_off.tell_attempts, put_off.tell_error) == (1, "UNAVAILABLE")
    assert await room.store.requests.outbox(10) == []
    room.clock.forward(5)
    assert await room.store.requests.outbox(10) == [put_off]


async def test_what_was_put_off_while_the_clock_was_ahead_does_not_wait_for_that_time(
    room: Room,
) -> None:
    proved = await room.proved()
    room.clock.forward(3600)
    await room.store.requests.postpone(proved.key, room.clock() + 60, "UNAVAILABLE")
    room.clock.forward(-3600)
    await room.store.requests.sweep()
    assert [record.key for record in await room.store.requests.outbox(10)] == [proved.key]


async def test_what_is_put_off_is_not_hurried_by_a_sweep(room: Room) -> None:
    proved = await room.proved()
    await room.store.requests.postpone(proved.key, room.clock() + 60, "UNAVAILABLE")
    await room.store.requests.sweep()
    assert await room.store.requests.outbox(10) == []


async def test_the_outbox_lists_what_is_due_longest_first(room: Room) -> None:
    records = []
    for _ in range(3):
        records.append(await room.proved())
        room.clock.forward(1)
    assert [r.key for r in await room.store.requests.outbox(2)] == [r.key for r in records[:2]]


async def test_a_failure_is_told_if_the_network_knows_the_request(room: Room) -> None:
    known, unknown = await room.bound(), await room.accepted()
    await room.store.requests.fail(unknown.key, FAILURE)
    failed = await room.store.requests.fail(known.key, FAILURE)

    assert await room.store.requests.outbox(10) == [failed]
    told = await room.store.requests.told(failed.key)
    assert (told.told, told.state) == (True, State.FAILED)
    assert await room.store.requests.told(failed.key) == told
    assert await room.store.requests.postpone(failed.key, room.clock(), "late") == told
    assert await room.store.requests.outbox(10) == []


async def test_an_open_request_has_no_failure_to_tell(room: Room) -> None:
    proved = await room.proved()
    with pytest.raises(StateConflict):
        await room.store.requests.told(proved.key)


async def test_a_cancelled_request_is_not_told(room: Room) -> None:
    record = await room.bound()
    cancelled = await room.store.requests.cancel(record.key, "cancelled by its requester")
    assert (cancelled.state, cancelled.told) == (State.FAILED, True)
    assert await room.store.requests.outbox(10) == []


async def test_an_expired_request_is_told(room: Room) -> None:
    record = await room.bound()
    room.clock.now = record.deadline
    (expired,) = await room.store.requests.sweep()
    assert expired.state is State.EXPIRED
    assert await room.store.requests.outbox(10) == [expired]


async def test_a_proof_on_its_way_at_the_deadline_may_still_settle(room: Room) -> None:
    proved = await room.proved()
    room.clock.now = proved.deadline + 1
    assert await room.store.requests.sweep() == []
    assert (await room.store.requests.settled(proved.key, None)).state is State.SETTLED


async def test_a_proof_the_network_never_took_expires_and_is_erased(room: Room) -> None:
    proved = await room.proved()
    room.clock.now = proved.deadline + StoreLimits().settle_grace_s
    (expired,) = await room.store.requests.sweep()
    assert (expired.state, expired.proof_blob, expired.proof_token) == (State.EXPIRED, None, None)
    assert proved.proof_blob is not None
    with pytest.raises(BlobErased):
        await room.read(proved.proof_blob)
    with pytest.raises(StateConflict):
        await room.store.requests.settled(proved.key, None)
