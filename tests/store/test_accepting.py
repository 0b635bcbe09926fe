"""Taking requests in: durable once, however often they are sent."""

import asyncio

import pytest
from support.stores import ALICE, BOB, FAILURE, Room

from sp1tee.errors import NotUploaded, RequestNotFound, StateConflict
from sp1tee.store.records import State

pytestmark = pytest.mark.anyio


async def test_a_new_request_is_accepted_as_it_came(room: Room) -> None:
    new = await room.new(cycle_limit=2**64 - 1, gas_limit=2**63, nonce=7)

    record, fresh = await room.store.requests.accept(new, queue=False)

    assert fresh
    assert record.state is State.ACCEPTED
    assert record.created_at == record.updated_at == int(room.clock())
    assert (record.body, record.signature, record.cycle_limit) == (
        b"the signed slice",
        b"s" * 65,
        2**64 - 1,
    )
    assert await room.again(record) == record
    assert room.heard == [record]


async def test_a_retry_gets_the_first_record_and_changes_nothing(room: Room) -> None:
    new = await room.new()
    first, _ = await room.store.requests.accept(new, queue=True)
    await room.store.requests.cancel(first.key, "not needed any more")

    again, fresh = await room.store.requests.accept(new, queue=True)

    assert not fresh
    assert (again.key, again.state) == (first.key, State.FAILED)
    assert await room.store.requests.open_records() == []


async def test_retries_at_the_same_moment_make_one_request(room: Room) -> None:
    new = await room.new()
    answers = await asyncio.gather(
        *(room.store.requests.accept(new, queue=True) for _ in range(20))
    )
    assert len({record.key for record, _ in answers}) == 1
    assert sum(fresh for _, fresh in answers) == 1


async def test_a_request_whose_input_was_not_uploaded_is_refused(room: Room) -> None:
    place = await room.place()
    with pytest.raises(NotUploaded):
        await room.accepted(stdin_artifact=place.id, nonce=9)
    assert await room.store.nonces.get(ALICE) == 0


async def test_a_request_for_a_program_s_upload_is_refused(room: Room) -> None:
    upload = await room.upload(kind="program")
    with pytest.raises(NotUploaded):
        await room.accepted(stdin_artifact=upload.id)


async def test_a_request_for_someone_else_s_input_is_refused(room: Room) -> None:
    upload = await room.upload(requester=BOB)
    with pytest.raises(NotUploaded):
        await room.accepted(stdin_artifact=upload.id, requester=ALICE)


async def test_accepting_moves_the_nonce_past_the_request_s(room: Room) -> None:
    await room.accepted(nonce=4)
    assert await room.store.nonces.get(ALICE) == 5
    await room.accepted(nonce=2)
    assert await room.store.nonces.get(ALICE) == 5
    assert await room.store.nonces.get(BOB) == 0


async def test_absurd_numbers_from_the_wire_are_kept_within_bounds(room: Room) -> None:
    record = await room.accepted(deadline=2**64 - 1, nonce=2**64 - 1)
    assert record.deadline == record.nonce == 2**63 - 1
    assert await room.again(record) == record
    assert await room.store.nonces.get(ALICE) == 2**63 - 1


async def test_the_network_s_names_are_bound_once(room: Room) -> None:
    record = await room.accepted()
    bound = await room.store.requests.bind(record.key, b"i" * 32, b"t" * 32)

    assert (bound.request_id, bound.tx_hash, bound.state) == (b"i" * 32, b"t" * 32, State.ACCEPTED)
    assert await room.store.requests.get(b"i" * 32) == bound
    assert await room.store.requests.bind(record.key, b"i" * 32, b"t" * 32) == bound
    with pytest.raises(StateConflict):
        await room.store.requests.bind(record.key, b"j" * 32, b"t" * 32)


async def test_two_requests_cannot_have_one_id(room: Room) -> None:
    first, second = await room.accepted(), await room.accepted()
    await room.store.requests.bind(first.key, b"i" * 32, b"t" * 32)
    with pytest.raises(StateConflict):
        await room.store.requests.bind(second.key, b"i" * 32, b"t" * 32)


async def test_a_request_that_failed_before_the_network_named_it_is_told_then(room: Room) -> None:
    record = await room.accepted()
    await room.store.requests.fail(record.key, FAILURE)
    assert await room.store.requests.outbox(10) == []

    bound = await room.store.requests.bind(record.key, b"i" * 32, b"t" * 32)

    assert await room.store.requests.outbox(10) == [bound]


async def test_only_an_accepted_request_is_queued(room: Room) -> None:
    record = await room.accepted()
    assert (await room.store.requests.enqueue(record.key)).state is State.QUEUED
    failed = await room.store.requests.fail(record.key, FAILURE)
    assert await room.store.requests.enqueue(record.key) == failed


async def test_an_unknown_key_is_told_apart(room: Room) -> None:
    with pytest.raises(RequestNotFound):
        await room.store.requests.enqueue("req_00000000000000000000000000")
