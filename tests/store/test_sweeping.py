"""What time does, a bounded number of rows at a time."""

from pathlib import Path

import pytest
from sqlalchemy import Table, func, select
from support.stores import ALICE, BOB, TTL, Room, opened, token_hash

from sp1tee.errors import BlobErased, UploadRefused
from sp1tee.store.records import Artifact, State, StoreLimits
from sp1tee.store.schema import artifacts, requests
from sp1tee.store.schema_work import leases, turns

pytestmark = pytest.mark.anyio
LIMITS = StoreLimits()


async def now(room: Room, artifact: Artifact) -> str:
    found = await room.store.artifacts.get(artifact.id)
    return "gone" if found is None else found.state


async def rows(room: Room, table: Table) -> int:
    return await room.store._reader.now(
        lambda connection: connection.scalar(select(func.count()).select_from(table))
    )


async def test_with_nothing_due_nothing_changes(room: Room) -> None:
    await room.leased()
    await room.proved()
    room.heard.clear()
    assert await room.store.requests.sweep() == []
    assert room.heard == []


@pytest.mark.parametrize("state", [State.ACCEPTED, State.QUEUED, State.LEASED])
async def test_a_request_past_its_deadline_expires(room: Room, state: State) -> None:
    record = await (room.accepted() if state is State.ACCEPTED else room.queued())
    if state is State.LEASED:
        await room.lease()
    room.clock.now = record.deadline - 0.5
    if state is not State.LEASED:
        assert await room.store.requests.sweep() == []
    room.clock.now = record.deadline

    (expired,) = await room.store.requests.sweep()

    assert (expired.key, expired.state) == (record.key, State.EXPIRED)
    assert expired.text == "The deadline passed before the proof was delivered."
    assert room.heard[-1] == expired
    assert await room.store.requests.sweep() == []


async def test_a_lost_lease_past_the_deadline_expires_instead_of_queueing(room: Room) -> None:
    leased = await room.leased()
    room.clock.now = leased.record.deadline + 10
    assert [record.state for record in await room.store.requests.sweep()] == [State.EXPIRED]


async def test_a_lease_of_a_time_when_the_clock_was_ahead_lasts_no_longer_than_others(
    room: Room,
) -> None:
    await room.bound()
    room.clock.forward(600)
    leased = await room.lease()
    room.clock.forward(-600)
    assert await room.store.requests.sweep() == []
    room.clock.forward(TTL / 2)
    assert await room.store.requests.beat(leased.lease_id, leased.token, 0, TTL)
    room.clock.forward(TTL - 1)
    assert await room.store.requests.sweep() == []
    room.clock.forward(2)
    assert [record.state for record in await room.store.requests.sweep()] == [State.QUEUED]


async def test_one_sweep_changes_a_bounded_number_of_rows(tmp_path: Path) -> None:
    async with opened(tmp_path, limits=StoreLimits(sweep_batch=4)) as room:
        for _ in range(10):
            await room.queued()
        room.clock.forward(3600)
        assert [len(await room.store.requests.sweep()) for _ in range(4)] == [4, 4, 2, 0]


async def test_a_place_nobody_used_is_closed(room: Room) -> None:
    place = await room.place(ttl_s=100)
    room.clock.forward(100 + LIMITS.upload_grace_s)
    await room.store.requests.sweep()
    assert await now(room, place) == "erased"
    sealed = await room.seal(b"too late")
    with pytest.raises(UploadRefused):
        await room.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)


async def test_an_upload_that_began_in_time_may_end_later(room: Room) -> None:
    place = await room.place(ttl_s=100)
    await room.store.artifacts.check_token(place.id, token_hash(place.uri))
    room.clock.forward(101)
    await room.store.requests.sweep()
    sealed = await room.seal(b"slow")
    uploaded = await room.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)
    assert uploaded.state == "uploaded"


async def test_an_upload_that_no_request_names_is_erased(room: Room) -> None:
    upload = await room.upload()
    assert upload.blob is not None
    room.clock.forward(LIMITS.unused_upload_s)
    await room.store.requests.sweep()
    assert await now(room, upload) == "erased"
    with pytest.raises(BlobErased):
        await room.read(upload.blob)


async def test_an_upload_that_a_request_waits_with_stays(room: Room) -> None:
    upload = await room.upload()
    await room.queued(stdin_artifact=upload.id, deadline=int(room.clock()) + 100_000)
    for _ in range(3):
        room.clock.forward(LIMITS.unused_upload_s)
        await room.store.requests.sweep()
    assert await now(room, upload) == "uploaded"


async def test_a_program_s_upload_that_nobody_registers_is_erased(room: Room) -> None:
    upload = await room.upload(kind="program")
    room.clock.forward(LIMITS.unused_upload_s)
    await room.store.requests.sweep()
    assert await now(room, upload) == "erased"


async def test_a_settled_proof_is_erased_after_its_retention(room: Room) -> None:
    settled = await room.settled()
    assert settled.proof_blob is not None
    room.clock.forward(LIMITS.proof_retention_s - 1)
    assert await room.store.requests.sweep() == []
    room.clock.forward(1)

    (kept,) = await room.store.requests.sweep()

    assert (kept.state, kept.proof_blob, kept.proof_token) == (State.SETTLED, None, None)
    with pytest.raises(BlobErased):
        await room.read(settled.proof_blob)
    assert settled.proof_token is not None
    assert await room.store.requests.by_proof_token(settled.proof_token) is None


async def test_rows_of_long_ago_are_deleted(room: Room) -> None:
    settled, open_one = await room.settled(), await room.queued(deadline=2**62)
    room.clock.forward(LIMITS.proof_retention_s)
    await room.store.requests.sweep()
    room.clock.now = settled.deadline + LIMITS.record_retention_s - 1
    await room.store.requests.sweep()
    assert await room.again(settled)
    room.clock.forward(1)
    await room.store.requests.sweep()

    assert await room.store.requests.by_key(settled.key) is None
    assert await room.again(open_one) == open_one
    assert [await rows(room, table) for table in (requests, leases, artifacts)] == [1, 0, 1]


async def test_who_has_no_request_left_is_not_in_line_any_more(room: Room) -> None:
    gone = await room.settled(requester=ALICE)
    await room.queued(requester=BOB, deadline=2**62)
    room.clock.now = gone.deadline + LIMITS.record_retention_s - 1
    await room.store.requests.sweep()
    assert await rows(room, turns) == 2
    room.clock.forward(1)
    await room.store.requests.sweep()
    assert await room.store.requests.by_key(gone.key) is None
    assert await rows(room, turns) == 1


async def test_an_untold_failure_is_not_deleted(room: Room) -> None:
    leased = await room.leased()
    room.clock.now = leased.record.deadline + TTL
    await room.store.requests.sweep()
    room.clock.forward(2 * LIMITS.record_retention_s)
    await room.store.requests.sweep()
    (untold,) = await room.store.requests.outbox(10)
    await room.store.requests.told(untold.key)
    room.clock.forward(LIMITS.record_retention_s)
    await room.store.requests.sweep()
    assert await room.store.requests.by_key(untold.key) is None
