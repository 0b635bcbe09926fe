"""Leases: one holder, a request that fits, given back or lost without losing work."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest
from support.stores import ALICE, BOB, EVERYTHING, FAILURE, TTL, V5, V6, Room, opened, written

from sp1tee.errors import LeaseLost
from sp1tee.store.records import Capability, State, StoreLimits

pytestmark = pytest.mark.anyio


async def test_a_lease_brings_all_that_proving_takes(room: Room) -> None:
    upload = await room.upload(b"an input")
    record = await room.queued(stdin_artifact=upload.id)

    leased = await room.lease("gpu-1")

    assert leased.record.key == record.key
    assert (leased.record.state, leased.record.worker, leased.record.attempts) == (
        State.LEASED,
        "gpu-1",
        1,
    )
    assert leased.stdin == upload
    assert leased.program == await room.store.programs.get(record.vk_hash, ALICE)
    assert leased.expires_at == room.clock() + TTL
    assert len(leased.token) == 32


async def test_a_lease_s_token_is_shown_nowhere_and_kept_as_a_hash_only(room: Room) -> None:
    leased = await room.leased()
    assert repr(leased.token) not in repr(leased)
    content = written(room)
    assert leased.token not in content
    assert sha256(leased.token).digest() in content


async def test_the_oldest_request_goes_first(room: Room) -> None:
    records = [await room.queued() for _ in range(3)]
    assert [(await room.lease()).record.key for _ in records] == [r.key for r in records]
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None


async def test_only_what_fits_is_leased(room: Room) -> None:
    await room.queued(version=V5, mode=4)
    fitting = await room.queued(version=V6, mode=1)
    able = [Capability(V6, frozenset({1, 2}), mock=False)]

    leased = await room.store.requests.lease("gpu-1", able, TTL)

    assert leased is not None
    assert leased.record.key == fitting.key
    assert await room.store.requests.lease("gpu-1", able, TTL) is None
    assert await room.store.requests.lease("gpu-1", [], TTL) is None


async def test_a_request_past_its_deadline_is_not_leased(room: Room) -> None:
    await room.queued(deadline=int(room.clock()) + 10)
    later = await room.queued(deadline=int(room.clock()) + 100)
    room.clock.forward(10)
    assert (await room.lease()).record.key == later.key


async def test_an_accepted_request_is_not_leased_before_it_is_queued(room: Room) -> None:
    await room.program()
    record = await room.accepted()
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    await room.store.requests.enqueue(record.key)
    assert (await room.lease()).record.key == record.key


async def test_workers_that_ask_at_once_get_different_requests(room: Room) -> None:
    for _ in range(5):
        await room.queued()
    answers = await asyncio.gather(
        *(room.store.requests.lease(f"gpu-{n}", EVERYTHING, TTL) for n in range(8))
    )
    keys = [answer.record.key for answer in answers if answer is not None]
    assert len(keys) == len(set(keys)) == 5


async def test_a_request_whose_program_is_not_there_fails_at_once(room: Room) -> None:
    await room.program(owner=ALICE)
    record = await room.queued(program_owner=BOB)
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    failed = await room.again(record)
    assert failed.state is State.FAILED
    assert "not in the store" in (failed.text or "")


async def test_each_request_brings_the_program_that_its_owner_registered(room: Room) -> None:
    await room.program(owner=BOB, elf=b"\x7fELF of Bob")
    await room.program(owner=ALICE, elf=b"\x7fELF of Alice")
    await room.queued(program_owner=ALICE)
    await room.queued(program_owner=BOB)
    for elf in (b"\x7fELF of Alice", b"\x7fELF of Bob"):
        leased = await room.lease()
        assert await room.read(leased.program.blob) == elf
        again = await room.store.requests.by_lease(leased.lease_id, leased.token)
        assert again is not None
        assert again.program == leased.program


async def test_a_heartbeat_keeps_a_lease_and_shows_its_stage(room: Room) -> None:
    leased = await room.leased()
    room.heard.clear()
    room.clock.forward(20)
    assert await room.store.requests.beat(leased.lease_id, leased.token, 3, TTL)
    assert await room.store.requests.beat(leased.lease_id, leased.token, 3, TTL)
    room.clock.forward(20)

    assert await room.store.requests.sweep() == []
    assert [record.stage for record in room.heard] == [3]
    assert (await room.again(leased.record)).state is State.LEASED


async def test_a_heartbeat_of_no_lease_says_so(room: Room) -> None:
    leased = await room.leased()
    assert not await room.store.requests.beat(leased.lease_id, b"x" * 32, 3, TTL)
    assert not await room.store.requests.beat("lease_unknown", leased.token, 3, TTL)
    await room.store.requests.fail(leased.record.key, FAILURE)
    assert not await room.store.requests.beat(leased.lease_id, leased.token, 3, TTL)


async def test_a_silent_worker_s_request_is_leased_again(room: Room) -> None:
    leased = await room.leased()
    room.clock.forward(TTL)

    (queued,) = await room.store.requests.sweep()

    assert (queued.state, queued.attempts, queued.stage) == (State.QUEUED, 1, 0)
    assert not await room.store.requests.beat(leased.lease_id, leased.token, 3, TTL)
    again = await room.lease("gpu-2")
    assert (again.record.key, again.record.attempts) == (leased.record.key, 2)
    assert again.token != leased.token


async def test_a_heartbeat_just_before_the_sweep_saves_an_expired_lease(room: Room) -> None:
    leased = await room.leased()
    room.clock.forward(TTL + 1)
    assert await room.store.requests.beat(leased.lease_id, leased.token, 2, TTL)
    assert await room.store.requests.sweep() == []


async def test_a_request_that_breaks_off_every_time_fails_as_poisoned(room: Room) -> None:
    record = await room.bound()
    for _ in range(3):
        await room.lease()
        room.clock.forward(TTL)
        await room.store.requests.sweep()
    failed = await room.again(record)
    assert (failed.state, failed.attempts, failed.error) == (State.FAILED, 3, 3)
    assert "3 times" in (failed.text or "")
    assert await room.store.requests.outbox(10) == [failed]


async def test_how_many_attempts_there_are_can_be_set(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=StoreLimits(max_attempts=1)) as room:
        leased = await room.leased()
        room.clock.forward(TTL)
        (failed,) = await room.store.requests.sweep()
        assert (failed.key, failed.state) == (leased.record.key, State.FAILED)


async def test_a_request_given_back_unstarted_costs_no_attempt(room: Room) -> None:
    leased = await room.leased()
    back = await room.store.requests.give_back(
        leased.lease_id, leased.token, counts=False, reason="draining"
    )
    assert (back.state, back.attempts) == (State.QUEUED, 0)
    assert (await room.lease()).record.attempts == 1


async def test_a_request_given_back_after_a_fault_costs_an_attempt(room: Room) -> None:
    record = await room.bound()
    for _ in range(3):
        leased = await room.lease()
        back = await room.store.requests.give_back(
            leased.lease_id, leased.token, counts=True, reason="the GPU fell off the bus."
        )
    assert (back.key, back.state) == (record.key, State.FAILED)
    assert "the GPU fell off the bus." in (back.text or "")


async def test_a_worker_s_failure_ends_the_request(room: Room) -> None:
    leased = await room.leased()
    failed = await room.store.requests.fail_lease(leased.lease_id, leased.token, FAILURE)
    assert (failed.state, failed.error, failed.cause, failed.text) == (
        State.FAILED,
        1,
        5,
        FAILURE.text,
    )
    assert FAILURE.execution is not None
    assert (failed.cycles, failed.gas) == (FAILURE.execution.cycles, FAILURE.execution.gas)


@pytest.mark.parametrize("how", ["lost", "given back", "cancelled", "never"])
async def test_without_the_lease_nothing_can_be_given_back_or_failed(room: Room, how: str) -> None:
    leased = await room.leased()
    lease_id, token = leased.lease_id, leased.token
    if how == "lost":
        room.clock.forward(TTL)
        await room.store.requests.sweep()
    elif how == "given back":
        await room.store.requests.give_back(lease_id, token, counts=False, reason="draining")
    elif how == "cancelled":
        await room.store.requests.cancel(leased.record.key, "not needed any more")
    else:
        token = b"x" * 32
    before = await room.again(leased.record)

    with pytest.raises(LeaseLost):
        await room.store.requests.give_back(lease_id, token, counts=False, reason="draining")
    with pytest.raises(LeaseLost):
        await room.store.requests.fail_lease(lease_id, token, FAILURE)

    assert await room.again(before) == before


async def test_a_lease_opens_its_blobs_while_it_holds_its_request(room: Room) -> None:
    leased = await room.leased()
    by_lease = room.store.requests.by_lease
    found = await by_lease(leased.lease_id, leased.token)
    assert found is not None
    assert (found.stdin, found.program) == (leased.stdin, leased.program)
    assert await by_lease(leased.lease_id, b"x" * 32) is None
    await room.store.requests.cancel(leased.record.key, "not needed any more")
    assert await by_lease(leased.lease_id, leased.token) is None


async def test_a_lost_lease_still_names_its_request(room: Room) -> None:
    leased = await room.leased()
    room.clock.forward(TTL)
    (queued,) = await room.store.requests.sweep()
    find = room.store.requests.lease_record
    assert await find(leased.lease_id, leased.token) == queued
    assert await find(leased.lease_id, b"x" * 32) is None
    assert await find("lease_unknown", leased.token) is None


async def test_another_s_lease_is_not_ended_by_the_end_of_one(room: Room) -> None:
    first, second = await room.leased(), await room.leased(requester=ALICE)
    await room.store.requests.fail_lease(first.lease_id, first.token, FAILURE)
    assert await room.store.requests.beat(second.lease_id, second.token, 4, TTL)
