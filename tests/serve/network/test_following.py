"""From acceptance to the queue, when something on the way stutters."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.network_room import Refused, Room
from support.serving import BOB, Clock, proof_body
from support.upstream_room import SERVER_KEY, core_body, in_front_of

from sp1tee.errors import BadReply, StoreUnavailable, UpstreamError
from sp1tee.serve.network import watcher
from sp1tee.serve.network.own import OwnAddresses
from sp1tee.serve.network.watcher import Watcher
from sp1tee.sim.network import Answer, Kind, LoseReply, SimNetwork
from sp1tee.store.records import State
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio


async def queued(room: Room) -> None:
    await room.until(lambda record: record.state is State.QUEUED)


@pytest.mark.parametrize("method", ["GetProofRequestDetails", "GetProgram"])
async def test_a_question_without_an_answer_is_asked_again(
    front: Room, network: SimNetwork, method: str
) -> None:
    await network.inject(Answer(method=method, calls=2))
    await front.request(await core_body(front))
    await queued(front)


async def test_a_store_that_stutters_does_not_end_a_request(
    front: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue, tried = front.store.requests.enqueue, []

    async def stutter(key: str) -> Any:
        tried.append(key)
        if len(tried) < 3:
            raise StoreUnavailable("The disk is slow.")
        return await enqueue(key)

    monkeypatch.setattr(front.store.requests, "enqueue", stutter)
    await front.request(await core_body(front))
    await queued(front)
    assert len(tried) == 3


async def test_a_look_up_without_an_answer_makes_no_second_request(
    front: Room, network: SimNetwork
) -> None:
    await network.inject(LoseReply(method="RequestProof"))
    await network.inject(Answer(method="GetFilteredProofRequests", calls=None, status="ABORTED"))
    uri = await front.upload_stdin()
    for nonce in (0, 1):
        with pytest.raises(Refused) as refused:
            await front.request(proof_body(uri, mode=1, nonce=nonce))
        assert refused.value.status in ("UNAVAILABLE", "ABORTED")
    assert len(network.ledger.of(Kind.REQUESTED)) == 1
    await network.lift()
    await queued(front)


async def test_requests_on_their_way_are_taken_up_after_a_restart(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock, run=False) as front:
        await network.inject(Answer(method="GetProofRequestDetails", calls=None))
        reply = await front.request(await core_body(front))
        record = await front.store.requests.get(reply.body.request_id)
        assert record is not None
        assert record.state is State.ACCEPTED
    await network.lift()
    async with in_front_of(network, tmp_path, clock=clock) as front:
        await queued(front)


# --- who we are ----------------------------------------------------------------------------


class Owners:
    """Answers GetOwner."""

    def __init__(self, *answers: bytes | UpstreamError) -> None:
        self.answers = list(answers)

    async def call(self, method: str, request: bytes) -> bytes:
        assert method == "GetOwner"
        assert types_pb2.GetOwnerRequest.FromString(request).address == SERVER_KEY.address
        answer = self.answers.pop(0)
        if isinstance(answer, UpstreamError):
            raise answer
        return answer


def owners(*answers: Any) -> OwnAddresses:
    return OwnAddresses(SERVER_KEY.address, Owners(*answers))  # type: ignore[arg-type]


def owned_by(address: bytes) -> bytes:
    return types_pb2.GetOwnerResponse(owner=address).SerializeToString()


async def test_the_key_s_own_address_is_ours_without_asking() -> None:
    assert await owners().contains(SERVER_KEY.address)


async def test_the_prover_that_the_key_signs_for_is_ours() -> None:
    own = owners(owned_by(BOB.address))
    assert await own.contains(BOB.address)
    assert not await own.contains(b"\x99" * 20)


@pytest.mark.parametrize("status", ["UNIMPLEMENTED", "NOT_FOUND"])
async def test_a_network_without_owners_leaves_us_the_key_alone(status: str) -> None:
    own = owners(UpstreamError("no", status=status))
    assert not await own.contains(BOB.address)
    assert await own.contains(SERVER_KEY.address)


async def test_an_outage_does_not_make_a_request_somebody_else_s() -> None:
    own = owners(UpstreamError("down", status="UNAVAILABLE"), owned_by(BOB.address))
    with pytest.raises(UpstreamError):
        await own.contains(BOB.address)
    assert await own.contains(BOB.address)


async def test_an_owner_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(BadReply):
        await owners(b"\xff").contains(BOB.address)


# --- what the network ends -----------------------------------------------------------------


async def test_what_the_network_ends_is_noticed_without_a_poll(
    network: SimNetwork, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "EVERY_S", 0.05)
    async with in_front_of(network, tmp_path, clock=clock) as front:
        reply = await front.request(await core_body(front))
        await queued(front)
        # The network's clock is ahead of ours.
        network._book._clock = lambda: clock.now + 3601
        ended = await front.until(lambda record: record.told)
    assert ended.request_id == reply.body.request_id
    assert "expired" in (ended.text or "")


async def test_watching_survives_an_outage(front: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await front.request(await core_body(front))
    await queued(front)
    monkeypatch.setattr(watcher, "EVERY_S", 0.01)
    failed = asyncio.Event()

    class Statuses:
        async def get(self, request_id: bytes, *, about: str = "") -> None:
            if len(request_id) == 32:
                failed.set()
            raise UpstreamError("down", status="UNAVAILABLE")

    watching = asyncio.create_task(Watcher(front.store.requests, Statuses()).run())  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        await failed.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert (await front.store.requests.counts())[State.QUEUED] == 1
