"""A finished proof reaches the network once, whatever happens on the way."""

import asyncio
from pathlib import Path
from urllib.parse import unquote

import pytest
from support.network_room import Room
from support.serving import Clock
from support.upstream_room import PROOF, SERVER_KEY, core_body, in_front_of

from sp1tee.errors import BlobErased, UpstreamError
from sp1tee.serve import outbox
from sp1tee.serve.outbox import is_nonce_race
from sp1tee.sim.network import (
    Answer,
    BurnNonce,
    Kind,
    LoseReply,
    NonceRace,
    Outage,
    SimNetwork,
)
from sp1tee.store.records import Failure, RequestRecord, State
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio

IMPOSSIBLE = Failure(types_pb2.EXECUTION_FAILURE, 1, "The guest exited with code 3.")


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests move the clock by hand; the outbox should look at it often."""
    monkeypatch.setattr(outbox, "IDLE_S", 0.02)


async def queued_request(room: Room) -> bytes:
    reply = await room.request(await core_body(room))
    await room.until(lambda record: record.state is State.QUEUED)
    return reply.body.request_id


async def proved_request(room: Room, proof: bytes = PROOF) -> bytes:
    request_id = await queued_request(room)
    await room.prove(proof)
    return request_id


async def settled(room: Room) -> RequestRecord:
    return await room.until(lambda record: record.state is State.SETTLED)


async def proof_is_kept(room: Room, request_id: bytes) -> bool:
    record = await room.store.requests.get(request_id)
    assert record is not None
    try:
        chunks = [chunk async for chunk in room.store.vault.read(record.proof_blob or "")]
    except BlobErased:
        return False
    return b"".join(chunks) == PROOF


async def pass_time_until(room: Room, clock: Clock, state: State, step: float = 5) -> None:
    """Let the waits between attempts pass."""
    async with asyncio.timeout(20):
        while not (await room.store.requests.counts())[state]:
            clock.pass_by(step)
            await asyncio.sleep(0.02)


async def put_off(room: Room) -> RequestRecord:
    return await room.until(lambda record: record.tell_attempts > 0)


async def test_a_nonce_that_somebody_else_used_is_replaced_at_once(
    front: Room, network: SimNetwork
) -> None:
    request_id = await queued_request(front)
    await network.inject(NonceRace(calls=3))
    await front.prove(PROOF)
    assert (await settled(front)).tell_attempts == 0
    (entry,) = network.ledger.of(Kind.FULFILLED, request_id)
    assert entry.call is not None
    assert entry.call.nonce == 3


async def test_nonces_used_elsewhere_are_no_trouble(front: Room, network: SimNetwork) -> None:
    await network.inject(BurnNonce(address=SERVER_KEY.address, times=7))
    request_id = await proved_request(front)
    await settled(front)
    (entry,) = network.ledger.of(Kind.FULFILLED, request_id)
    assert entry.call is not None
    assert entry.call.nonce == 7


@pytest.mark.parametrize("method", ["GetNonce", "FulfillProof"])
@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED"])
async def test_a_passing_fault_is_tried_again_later(
    front: Room, network: SimNetwork, clock: Clock, method: str, status: str
) -> None:
    request_id = await queued_request(front)
    await network.inject(Answer(method=method, calls=2, status=status))
    await front.prove(PROOF)
    await put_off(front)
    assert await proof_is_kept(front, request_id)
    await pass_time_until(front, clock, State.SETTLED)
    assert len(network.ledger.of(Kind.FULFILLED, request_id)) == 1


@pytest.mark.parametrize("drop", [False, True], ids=["error", "broken connection"])
async def test_a_lost_answer_settles_once(
    front: Room, network: SimNetwork, clock: Clock, drop: bool
) -> None:
    request_id = await queued_request(front)
    await network.inject(LoseReply(method="FulfillProof", drop=drop))
    await front.prove(PROOF)
    await pass_time_until(front, clock, State.SETTLED)
    assert len(network.ledger.of(Kind.FULFILLED, request_id)) == 1
    record = await front.store.requests.get(request_id)
    assert record is not None
    assert record.fulfill_tx_hash == network.request(request_id).fulfill_tx_hash


async def test_a_proof_outlives_an_outage_and_a_restart(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock) as front:
        request_id = await queued_request(front)
        await network.inject(Outage())
        await front.prove(PROOF)
        await put_off(front)
    async with in_front_of(network, tmp_path, clock=clock) as front:
        assert await proof_is_kept(front, request_id)
        await network.lift()
        await pass_time_until(front, clock, State.SETTLED)
    assert len(network.ledger.of(Kind.FULFILLED, request_id)) == 1


async def test_a_crash_after_the_network_took_the_proof_does_not_settle_twice(
    network: SimNetwork, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_front_of(network, tmp_path, clock=clock) as front:
        request_id = await queued_request(front)

        async def crash(*_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(front.store.requests, "settled", crash)
        await front.prove(PROOF)
        async with asyncio.timeout(20):
            await network.wait_for(lambda ledger: bool(ledger.of(Kind.FULFILLED)))
    async with in_front_of(network, tmp_path, clock=clock) as front:
        await pass_time_until(front, clock, State.SETTLED)
    assert len(network.ledger.of(Kind.FULFILLED, request_id)) == 1


async def test_several_proofs_are_settled_one_by_one_with_their_own_nonces(
    front: Room, network: SimNetwork
) -> None:
    for _ in range(4):
        await front.request(await core_body(front))
    for _ in range(4):
        await front.until(lambda record: record.state is State.QUEUED)
        await front.prove(PROOF)
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: len(ledger.of(Kind.FULFILLED)) == 4)
    calls = [entry.call for entry in network.ledger.of(Kind.FULFILLED)]
    assert [call.nonce for call in calls if call] == [0, 1, 2, 3]


async def test_a_proof_that_the_network_refuses_is_kept_until_the_deadline(
    front: Room, network: SimNetwork, clock: Clock
) -> None:
    request_id = await proved_request(front, b"no proof at all")
    record = await put_off(front)
    assert "failed to decode proof" in (record.tell_error or "")
    status = await front.status(request_id)
    assert status.fulfillment_status == types_pb2.ASSIGNED
    clock.now = network.request(request_id).deadline + 1.0
    await front.until(lambda record: record.told)
    await front.status(request_id)
    assert "failed to decode proof" in unquote(front.trailers["sp1tee-reason"])
    assert not network.ledger.of(Kind.FULFILLED)


async def test_a_proof_of_a_request_that_the_network_has_ended_ends_too(
    front: Room, network: SimNetwork, clock: Clock
) -> None:
    request_id = await queued_request(front)
    await network.inject(Outage())
    await front.prove(PROOF)
    await put_off(front)
    clock.now = float(network.request(request_id).deadline)
    network.tick()
    await network.lift()
    await front.until(lambda record: record.told)
    status = await front.status(request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE


# --- mocks ---------------------------------------------------------------------------------


async def test_a_mock_proof_is_not_handed_in(front: Room, network: SimNetwork) -> None:
    request_id = await queued_request(front)
    await front.prove(PROOF, mock=True)
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: bool(ledger.of(Kind.FAILED, request_id)))
    await front.status(request_id)
    assert "mock" in front.trailers["sp1tee-reason"]
    assert not network.ledger.of(Kind.FULFILLED)


async def test_a_mock_proof_is_handed_in_where_that_is_allowed(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock, allow_mock=True) as front:
        request_id = await queued_request(front)
        await front.prove(PROOF, mock=True)
        await settled(front)
    assert network.ledger.of(Kind.FULFILLED, request_id)


# --- failures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [Answer(method="FailFulfillment"), LoseReply(method="FailFulfillment")]
)
async def test_a_failure_is_told_once_whatever_is_lost(
    front: Room, network: SimNetwork, clock: Clock, fault: Answer | LoseReply
) -> None:
    request_id = await queued_request(front)
    await network.inject(fault)
    await front.give_up(IMPOSSIBLE)
    async with asyncio.timeout(20):
        while not (await told(front, request_id)):
            clock.pass_by(5)
            await asyncio.sleep(0.02)
    (entry,) = network.ledger.of(Kind.FAILED, request_id)
    assert entry.error == types_pb2.EXECUTION_FAILURE


async def told(room: Room, request_id: bytes) -> bool:
    record = await room.store.requests.get(request_id)
    assert record is not None
    return record.told


@pytest.mark.parametrize(
    ("status", "text", "race"),
    [
        ("ABORTED", "failed nonce verification: invalid nonce for sender", True),
        ("UNAVAILABLE", "failed nonce verification: invalid nonce", True),
        ("INVALID_ARGUMENT", "Nonce too low", True),
        ("UNAVAILABLE", "connection refused", False),
        ("INVALID_ARGUMENT", "proof request is not in the assigned state", False),
    ],
)
def test_what_is_said_about_a_nonce_means_a_race(status: str, text: str, race: bool) -> None:
    assert is_nonce_race(UpstreamError(text, status=status)) is race
