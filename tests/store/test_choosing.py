"""A worker gets what it has set up, as far as nobody waits too long for that."""

import asyncio

import pytest
from support.stores import ALICE, BOB, EVERYTHING, TTL, V5, V6, VK_HASH, Room

from sp1tee.store.choosing import OVERTAKEN_FOR_S, WINDOW
from sp1tee.store.records import Capability, RequestRecord

pytestmark = pytest.mark.anyio

OTHER = b"\x07" * 32


@pytest.fixture(autouse=True)
async def programs(room: Room) -> None:
    for owner in (ALICE, BOB):
        await room.program(owner=owner)
        await room.program(OTHER, owner=owner)


async def next_for(room: Room, *keys: bytes) -> RequestRecord:
    leased = await room.store.requests.lease("gpu-1", EVERYTHING, TTL, keys=keys)
    assert leased is not None
    return leased.record


async def test_a_worker_gets_the_first_whose_program_it_has_set_up(room: Room) -> None:
    first = await room.queued(vk_hash=VK_HASH)
    fitting = [await room.queued(vk_hash=OTHER, mode=mode) for mode in (4, 1)]
    assert [(await next_for(room, OTHER)).key for _ in fitting] == [one.key for one in fitting]
    assert (await next_for(room, OTHER)).key == first.key


async def test_without_any_program_set_up_the_oldest_goes_first(room: Room) -> None:
    first = await room.queued(vk_hash=VK_HASH)
    await room.queued(vk_hash=OTHER)
    assert (await next_for(room)).key == first.key


async def test_another_requester_s_turn_is_not_taken(room: Room) -> None:
    turn = await room.queued(requester=ALICE, vk_hash=VK_HASH)
    await room.queued(requester=BOB, vk_hash=OTHER)
    assert (await next_for(room, OTHER)).key == turn.key


async def test_what_came_much_later_overtakes_nothing(room: Room) -> None:
    first = await room.queued(vk_hash=VK_HASH)
    room.clock.forward(OVERTAKEN_FOR_S + 1)
    await room.queued(vk_hash=OTHER)
    assert (await next_for(room, OTHER)).key == first.key


async def test_in_a_long_queue_what_came_soon_after_still_goes_first(room: Room) -> None:
    deadline = int(room.clock()) + 10_000
    await room.queued(vk_hash=VK_HASH, deadline=deadline)
    fitting = await room.queued(vk_hash=OTHER, deadline=deadline)
    room.clock.forward(4_000)
    assert (await next_for(room, OTHER)).key == fitting.key


async def test_a_request_whose_time_is_half_over_is_not_overtaken(room: Room) -> None:
    pressing = await room.queued(vk_hash=VK_HASH, deadline=int(room.clock()) + 100)
    await room.queued(vk_hash=OTHER, deadline=int(room.clock()) + 10_000)
    room.clock.forward(51)
    assert (await next_for(room, OTHER)).key == pressing.key


async def test_only_the_front_of_the_queue_is_looked_at(room: Room) -> None:
    front = [await room.queued(vk_hash=VK_HASH, mode=1 + n % 4) for n in range(WINDOW)]
    await room.queued(vk_hash=OTHER)
    assert (await next_for(room, OTHER)).key == front[0].key


async def test_what_a_worker_cannot_make_is_not_chosen_for_its_program(room: Room) -> None:
    first = await room.queued(vk_hash=VK_HASH, version=V6)
    await room.queued(vk_hash=OTHER, version=V5)
    able = [Capability(V6, frozenset({1, 2, 3, 4}), mock=False)]
    leased = await room.store.requests.lease("gpu-1", able, TTL, keys=[OTHER])
    assert leased is not None
    assert leased.record.key == first.key


async def test_workers_with_the_same_programs_get_different_requests(room: Room) -> None:
    made = [await room.queued(vk_hash=key) for key in (VK_HASH, OTHER) * 3]
    got = await asyncio.gather(*(next_for(room, OTHER) for _ in made))
    assert {record.key for record in got} == {record.key for record in made}
