"""Proofs: taken once, from whoever comes first; the input goes in the same moment."""

import pytest
from support.stores import ALICE, EXECUTION, FAILURE, TTL, V6, Room

from sp1tee.errors import BlobErased, LeaseLost, UndeclaredMock
from sp1tee.store.records import Capability, State, StoreLimits

pytestmark = pytest.mark.anyio


async def test_a_proof_waits_to_be_told_to_the_network(room: Room) -> None:
    proved = await room.proved()

    assert (proved.state, proved.told, proved.fulfilled_at) == (State.PROVED, False, None)
    assert (proved.cycles, proved.gas, proved.public_values_hash) == (
        EXECUTION.cycles,
        EXECUTION.gas,
        EXECUTION.public_values_hash,
    )
    assert proved.proof_blob is not None
    assert await room.read(proved.proof_blob) == b"a proof"
    assert await room.store.requests.outbox(10) == [proved]


async def test_without_a_network_a_proof_settles_at_once(room: Room) -> None:
    settled = await room.settled()
    assert (settled.state, settled.told, settled.fulfilled_at) == (
        State.SETTLED,
        True,
        int(room.clock()),
    )
    assert await room.store.requests.outbox(10) == []


async def test_a_proof_is_found_by_its_token_only(room: Room) -> None:
    settled = await room.settled()
    assert settled.proof_token is not None
    assert len(settled.proof_token) == 43
    assert settled.proof_token not in repr(settled)
    assert await room.store.requests.by_proof_token(settled.proof_token) == settled
    assert await room.store.requests.by_proof_token("") is None


async def test_the_input_is_erased_with_the_proof(room: Room) -> None:
    leased = await room.leased()
    blob = leased.stdin.blob
    assert blob is not None
    assert await room.read(blob) == b"an input"

    await room.finish(leased)

    with pytest.raises(BlobErased):
        await room.read(blob)
    artifact = await room.store.artifacts.get(leased.stdin.id)
    assert artifact is not None
    assert (artifact.state, artifact.blob) == ("erased", None)


async def test_the_input_s_file_goes_too(room: Room) -> None:
    leased = await room.leased()
    assert leased.stdin.blob is not None
    (file,) = room.store._ground.shelf.directory.glob(f"*/{leased.stdin.blob}")
    await room.finish(leased)
    await room.store.vault.erase_files([leased.stdin.blob])
    assert not file.exists()


async def test_an_input_stays_while_another_request_waits_with_it(room: Room) -> None:
    upload = await room.upload()
    first = await room.leased(stdin_artifact=upload.id)
    second = await room.queued(stdin_artifact=upload.id)
    assert upload.blob is not None

    await room.finish(first)
    assert await room.read(upload.blob) == b"an input"

    await room.store.requests.cancel(second.key, "not needed any more")
    with pytest.raises(BlobErased):
        await room.read(upload.blob)


@pytest.mark.parametrize("end", ["fail", "cancel", "expire", "fail_lease"])
async def test_the_input_is_erased_however_a_request_ends(room: Room, end: str) -> None:
    leased = await room.leased()
    if end == "fail":
        await room.store.requests.fail(leased.record.key, FAILURE)
    elif end == "cancel":
        await room.store.requests.cancel(leased.record.key, "not needed any more")
    elif end == "expire":
        room.clock.now = leased.record.deadline
        await room.store.requests.sweep()
    else:
        await room.store.requests.fail_lease(leased.lease_id, leased.token, FAILURE)
    assert leased.stdin.blob is not None
    with pytest.raises(BlobErased):
        await room.read(leased.stdin.blob)


async def test_a_worker_may_hand_in_twice(room: Room) -> None:
    leased = await room.leased()
    result = await room.result()
    first = await room.store.requests.finish(leased.lease_id, leased.token, result, settle=True)
    room.heard.clear()

    same = await room.store.requests.finish(leased.lease_id, leased.token, result, settle=True)
    copy = await room.result()
    other = await room.store.requests.finish(leased.lease_id, leased.token, copy, settle=True)

    assert same == other == first
    assert room.heard == []
    assert await room.read(result.proof.id) == b"a proof"
    with pytest.raises(BlobErased):
        await room.read(copy.proof.id)


async def test_a_late_proof_counts_while_the_request_waits_in_the_queue(room: Room) -> None:
    leased = await room.leased()
    room.clock.forward(TTL)
    await room.store.requests.sweep()

    proved = await room.finish(leased)

    assert proved.state is State.PROVED
    assert (
        await room.store.requests.lease("gpu-2", [Capability(V6, frozenset({4}), True)], TTL)
        is None
    )


async def test_a_late_proof_counts_while_another_worker_is_at_it(room: Room) -> None:
    late = await room.leased()
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    current = await room.lease("gpu-2")

    assert (await room.finish(late)).state is State.PROVED

    assert not await room.store.requests.beat(current.lease_id, current.token, 4, TTL)
    with pytest.raises(LeaseLost):
        await room.finish(current)


async def test_a_given_back_lease_s_proof_still_counts(room: Room) -> None:
    leased = await room.leased()
    await room.store.requests.give_back(
        leased.lease_id, leased.token, counts=False, reason="draining"
    )
    assert (await room.finish(leased)).state is State.PROVED


@pytest.mark.parametrize("end", ["cancel", "settle"])
async def test_a_late_proof_of_an_ended_request_is_refused_and_removed(
    room: Room, end: str
) -> None:
    late = await room.leased()
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    if end == "cancel":
        await room.store.requests.cancel(late.record.key, "not needed any more")
    else:
        await room.finish(await room.lease("gpu-2"), settle=True)
    before = await room.again(late.record)
    result = await room.result()

    with pytest.raises(LeaseLost):
        await room.store.requests.finish(late.lease_id, late.token, result, settle=True)

    assert await room.again(before) == before
    assert list(room.store._ground.shelf.directory.glob(f"*/{result.proof.id}")) == []


async def test_nobody_hands_in_without_the_token(room: Room) -> None:
    leased = await room.leased()
    with pytest.raises(LeaseLost):
        await room.store.requests.finish(
            leased.lease_id, b"x" * 32, await room.result(), settle=True
        )
    assert (await room.again(leased.record)).state is State.LEASED


async def test_a_mock_proof_needs_a_lease_taken_as_mock(room: Room) -> None:
    await room.queued()
    real = [Capability(V6, frozenset({4}), mock=False)]
    leased = await room.store.requests.lease("gpu-1", real, TTL)
    assert leased is not None
    with pytest.raises(UndeclaredMock):
        await room.store.requests.finish(
            leased.lease_id, leased.token, await room.result(mock=True), settle=True
        )
    assert (await room.again(leased.record)).state is State.LEASED
    assert (await room.finish(leased)).mock is False


async def test_a_declared_mock_proof_is_marked(room: Room) -> None:
    leased = await room.leased(requester=ALICE)
    finished = await room.store.requests.finish(
        leased.lease_id, leased.token, await room.result(mock=True), settle=True
    )
    assert finished.mock


async def test_settled_stays_settled(room: Room) -> None:
    settled = await room.settled()
    assert await room.store.requests.fail(settled.key, FAILURE) == settled
    assert await room.store.requests.cancel(settled.key, "too late") == settled
    room.clock.now = settled.deadline + StoreLimits().settle_grace_s
    assert await room.store.requests.sweep() == []
