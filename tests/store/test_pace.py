"""What cannot end in time is not begun, once it is known how long it takes."""

import pytest
from support.stores import ALICE, BOB, EVERYTHING, TTL, VK_HASH, Room

from sp1tee.store.pace import ENOUGH, LOOKED_AT, PROVING
from sp1tee.store.records import RequestRecord, State

pytestmark = pytest.mark.anyio


async def proved_in(room: Room, seconds: float, **facts: object) -> None:
    """Let a request be proved; the worker says so as soon as it proves."""
    leased = await room.leased(deadline=int(room.clock()) + 10**6, **facts)
    room.clock.forward(1000)
    await room.store.requests.beat(leased.lease_id, leased.token, PROVING, 10**6)
    room.clock.forward(seconds)
    await room.store.requests.beat(leased.lease_id, leased.token, PROVING + 1, 10**6)
    await room.finish(leased)


async def with_left(room: Room, seconds: int, **facts: object) -> RequestRecord:
    """A request whose deadline is so near when a worker asks; in what state it is then."""
    record = await room.queued(deadline=int(room.clock()) + seconds, **facts)
    await room.store.requests.lease("gpu-1", EVERYTHING, TTL)
    return await room.again(record)


async def test_a_request_with_less_time_left_than_its_program_takes_is_not_begun(
    room: Room,
) -> None:
    for _ in range(ENOUGH):
        await proved_in(room, 100)
    ended = await with_left(room, 60)
    assert (ended.state, ended.attempts) == (State.FAILED, 0)
    assert ended.text == (
        "Proving was not begun: 60 s were left, and the fastest of this program's last 3 proofs "
        "of this mode took 100 s. Ask with a later deadline."
    )
    assert (await with_left(room, 100)).state is State.LEASED


async def test_its_input_is_erased_and_the_network_told(room: Room) -> None:
    for _ in range(ENOUGH):
        await proved_in(room, 100)
    record = await room.bound(deadline=int(room.clock()) + 10)
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    due = await room.store.requests.outbox(10)
    assert record.key in {ended.key for ended in due}
    upload = await room.store.artifacts.get(record.stdin_artifact)
    assert upload is not None
    assert upload.state == "erased"


async def test_without_measurements_nothing_is_assumed(room: Room) -> None:
    assert (await with_left(room, 1)).state is State.LEASED


async def test_too_few_measurements_show_nothing(room: Room) -> None:
    for _ in range(ENOUGH - 1):
        await proved_in(room, 100)
    assert (await with_left(room, 1)).state is State.LEASED


async def test_the_fastest_counts_since_inputs_differ(room: Room) -> None:
    for seconds in (500, 20, 500):
        await proved_in(room, seconds)
    assert (await with_left(room, 30)).state is State.LEASED


async def test_what_was_measured_long_ago_is_forgotten(room: Room) -> None:
    await proved_in(room, 20)
    for _ in range(LOOKED_AT):
        await proved_in(room, 100)
    assert (await with_left(room, 30)).state is State.FAILED


@pytest.mark.parametrize("other", ["mode", "program"])
async def test_another_kind_s_measurements_do_not_count(room: Room, other: str) -> None:
    for _ in range(ENOUGH):
        await proved_in(room, 100)
    facts: dict[str, object] = {"mode": 1} if other == "mode" else {"vk_hash": b"x".ljust(32)}
    if other == "program":
        await room.program(b"x".ljust(32))
    assert (await with_left(room, 30, **facts)).state is State.LEASED


async def test_another_account_s_proofs_of_the_same_program_count(room: Room) -> None:
    for _ in range(ENOUGH):
        await proved_in(room, 100)
    await room.program(VK_HASH, BOB)
    ended = await with_left(room, 30, requester=BOB, program_owner=BOB)
    assert ended.state is State.FAILED


async def test_a_worker_that_never_said_that_it_proves_measures_nothing(room: Room) -> None:
    for _ in range(ENOUGH):
        leased = await room.leased()
        room.clock.forward(20)
        await room.finish(leased)
    assert (await with_left(room, 1)).state is State.LEASED


async def test_waiting_for_a_busy_prover_is_not_counted(room: Room) -> None:
    for _ in range(ENOUGH):
        await proved_in(room, 50)
    assert (await with_left(room, 60)).state is State.LEASED


async def test_a_late_request_ends_as_expired_and_says_so(room: Room) -> None:
    record = await room.queued(requester=ALICE, deadline=int(room.clock()) + 10)
    room.clock.forward(10)
    assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL) is None
    ended = await room.again(record)
    assert (ended.state, ended.text) == (
        State.EXPIRED,
        "The deadline passed before a prover was free.",
    )
