"""Finding requests again."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from support.stores import ALICE, BOB, FAILURE, V5, V6, Room

from sp1tee.store.records import (
    FINAL_STATES,
    OPEN_STATES,
    RequestFilter,
    RequestRecord,
    State,
    Usage,
)
from sp1tee.store.schema import U64

pytestmark = pytest.mark.anyio


async def test_a_request_is_found_by_each_of_its_names(room: Room) -> None:
    record = await room.bound()
    assert record.request_id is not None
    requests = room.store.requests
    assert await requests.get(record.request_id) == record
    assert await requests.by_key(record.key) == record
    assert await requests.by_fingerprint(record.fingerprint) == record


@pytest.mark.parametrize("name", ["", "req_", "x" * 5000, "\0", "\ud7ff", "'; --"])
async def test_names_nobody_has_find_nothing(room: Room, name: str) -> None:
    await room.bound()
    requests, artifacts = room.store.requests, room.store.artifacts
    assert await requests.by_key(name) is None
    assert await requests.by_proof_token(name) is None
    assert await requests.get(name.encode()) is None
    assert await artifacts.by_uri(name) is None
    assert await artifacts.get(name) is None


async def test_filters_restrict_and_the_newest_comes_first(room: Room) -> None:
    one = await room.queued(version=V5, mode=1, requester=ALICE)
    room.clock.forward(100)
    two = await room.queued(version=V6, mode=4, requester=BOB)
    three = await room.accepted(version=V6, mode=4, requester=ALICE, vk_hash=b"3" * 32)

    async def found(**facts: Any) -> list[str]:
        return [record.key for record in await room.store.requests.find(RequestFilter(**facts))]

    assert await found() == [three.key, two.key, one.key]
    assert await found(limit=1, offset=1) == [two.key]
    assert await found(requester=ALICE) == [three.key, one.key]
    assert await found(requester=ALICE, vk_hash=b"3" * 32) == [three.key]
    assert await found(version=V5) == await found(mode=1) == [one.key]
    assert await found(states=frozenset({State.QUEUED})) == [two.key, one.key]
    assert await found(states=frozenset()) == []
    assert await found(created_from=two.created_at) == [three.key, two.key]
    assert await found(created_to=one.created_at) == [one.key]
    assert await found(min_deadline=two.deadline) == [three.key, two.key]
    assert await found(min_deadline=2**64 - 1, offset=2**64) == []


async def test_every_state_is_counted(room: Room) -> None:
    assert await room.store.requests.counts() == dict.fromkeys(State, 0)
    await room.accepted()
    await room.leased()
    await room.queued()
    counts = await room.store.requests.counts()
    assert counts == {**dict.fromkeys(State, 0), "accepted": 1, "leased": 1, "queued": 1}


async def test_usage_counts_what_one_requester_occupies(room: Room) -> None:
    assert await room.store.requests.usage(ALICE) == Usage(0, 0, 0)
    await room.place()
    await room.place(ttl_s=10)
    await room.upload(b"123")
    program = await room.program(owner=ALICE)
    leased = await room.leased()
    await room.queued(requester=BOB)

    occupied = 3 + len(b"an input") + program.size
    assert await room.store.requests.usage(ALICE) == Usage(2, 1, occupied)
    room.clock.forward(10)
    await room.store.requests.fail(leased.record.key, FAILURE)
    assert await room.store.requests.usage(ALICE) == Usage(1, 0, 3 + program.size)


async def test_open_requests_are_counted_no_further_than_asked(room: Room) -> None:
    leased = await room.leased()
    await room.queued()
    await room.queued()
    await room.queued(requester=BOB)
    assert await room.store.requests.open_count(ALICE, 10) == 3
    assert await room.store.requests.open_count(ALICE, 2) == 2
    await room.store.requests.fail(leased.record.key, FAILURE)
    assert await room.store.requests.open_count(ALICE, 10) == 2


async def test_open_records_are_all_that_can_still_change(room: Room) -> None:
    await room.settled()
    proved = await room.proved()
    accepted = await room.accepted()
    assert await room.store.requests.open_records() == [proved, accepted]
    assert proved.is_open
    assert {proved.state, accepted.state} <= OPEN_STATES
    assert set(State) == OPEN_STATES | FINAL_STATES


async def test_listeners_hear_every_change_before_its_caller_goes_on(room: Room) -> None:
    record = await room.queued()
    assert room.heard == [record]
    leased = await room.lease()
    assert room.heard[1:] == [leased.record]


async def test_a_listener_that_left_hears_nothing(room: Room) -> None:
    heard = []
    leave = room.store.subscribe(heard.append)
    leave()
    await room.accepted()
    assert heard == []


async def test_a_listener_that_raises_harms_nobody(room: Room) -> None:
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(record: RequestRecord) -> None:
        raise RuntimeError(record.key)

    room.store.subscribe(broken)
    record = await room.accepted()
    assert [str(context["exception"]) for context in reported] == [record.key]


async def test_records_show_no_body_signature_or_token(room: Room) -> None:
    settled = await room.settled(body=b"BODY-BYTES", signature=b"S" * 65)
    assert "BODY" not in repr(settled)
    assert "S" * 65 not in repr(settled)


@given(number=st.integers(0, 2**64 - 1))
def test_unsigned_numbers_survive_the_database_s_signed_ones(number: int) -> None:
    column, dialect = U64(), sqlite.dialect()
    kept = column.process_bind_param(number, dialect)
    assert kept is not None
    assert -(2**63) <= kept < 2**63
    assert column.process_result_value(kept, dialect) == number
