"""Whose request goes next: requesters take turns, and nobody waits behind another's pile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stores import ALICE, BOB, EVERYTHING, TTL, V5, V6, Room

from sp1tee.store.leasing import MOST_LOOKS
from sp1tee.store.records import Capability, RequestRecord, State
from sp1tee.store.turns import kind_values

pytestmark = pytest.mark.anyio

CAROL = b"carol".ljust(20)


async def leased(room: Room) -> RequestRecord:
    return (await room.lease()).record


async def order(room: Room, count: int) -> list[bytes]:
    return [(await leased(room)).requester for _ in range(count)]


async def test_a_requester_with_a_pile_takes_turns_with_one_who_has_little(room: Room) -> None:
    for _ in range(4):
        await room.queued(requester=ALICE)
    for _ in range(2):
        await room.queued(requester=BOB)
    assert await order(room, 6) == [ALICE, BOB, ALICE, BOB, ALICE, ALICE]


async def test_one_requester_s_own_requests_go_oldest_first_whatever_their_kind(room: Room) -> None:
    kinds = [(V6, 4), (V5, 1), (V6, 1), (V6, 4)]
    records = [await room.queued(version=version, mode=mode) for version, mode in kinds]
    assert [(await leased(room)).key for _ in records] == [record.key for record in records]


async def test_who_comes_back_goes_before_those_who_were_served_since(room: Room) -> None:
    await room.queued(requester=CAROL)
    assert await order(room, 1) == [CAROL]
    for requester in (ALICE, BOB):
        for _ in range(3):
            await room.queued(requester=requester)
    assert await order(room, 2) == [ALICE, BOB]
    await room.queued(requester=CAROL)
    assert await order(room, 3) == [CAROL, ALICE, BOB]


async def test_new_requesters_do_not_push_in_before_those_who_wait(room: Room) -> None:
    for requester in (ALICE, BOB):
        for _ in range(2):
            await room.queued(requester=requester)
    assert await order(room, 1) == [ALICE]
    await room.queued(requester=CAROL)
    assert await order(room, 4) == [BOB, ALICE, CAROL, BOB]


async def test_many_kinds_of_request_give_nobody_more_than_one_turn(room: Room) -> None:
    for mode in (1, 2, 3, 4):
        await room.queued(requester=ALICE, mode=mode)
    for _ in range(4):
        await room.queued(requester=BOB)
    assert await order(room, 8) == [ALICE, BOB] * 4


async def test_who_has_nothing_that_fits_does_not_hold_up_the_others(room: Room) -> None:
    await room.queued(requester=ALICE, version=V5)
    await room.queued(requester=BOB)
    able = [Capability(V6, frozenset({4}), mock=False)]
    found = await room.store.requests.lease("gpu-1", able, TTL)
    assert found is not None
    assert found.record.requester == BOB
    assert await room.store.requests.lease("gpu-1", able, TTL) is None
    assert await order(room, 1) == [ALICE]


async def test_who_withdrew_everything_leaves_the_line_and_can_join_again(room: Room) -> None:
    withdrawn = await room.queued(requester=ALICE)
    await room.queued(requester=BOB)
    await room.store.requests.cancel(withdrawn.key, "not needed any more")
    assert await order(room, 1) == [BOB]
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    await room.queued(requester=ALICE)
    assert await order(room, 1) == [ALICE]


async def test_a_request_that_comes_back_from_a_lost_lease_is_in_line(room: Room) -> None:
    first = await room.leased()
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    assert (await leased(room)).key == first.record.key


async def test_a_request_that_was_accepted_only_is_in_line_once_it_is_queued(room: Room) -> None:
    await room.program()
    record = await room.accepted()
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    await room.store.requests.enqueue(record.key)
    assert (await leased(room)).key == record.key


async def test_a_pile_of_late_requests_is_cleared_away_in_several_transactions(room: Room) -> None:
    soon = int(room.clock()) + 10
    stdin = (await room.upload()).id
    late = [await room.queued(deadline=soon, stdin_artifact=stdin) for _ in range(MOST_LOOKS + 5)]
    good = await room.queued()
    room.clock.forward(10)
    assert (await leased(room)).key == good.key
    assert {(await room.again(record)).state for record in late} == {State.EXPIRED}


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**31)), max_size=70))
def test_kinds_of_any_worker_fit_into_a_query(kinds: list[tuple[str, int]]) -> None:
    values = kind_values(kinds)
    assert [(values[f"version_{n}"], values[f"mode_{n}"]) for n in range(len(kinds))] == kinds
