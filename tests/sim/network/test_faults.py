"""What can be made to go wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import get_args

import httpx
import pytest
from pydantic import ValidationError
from support.network_peer import VK, VK_HASH, Clock, Peer, Refused, base_body, mock_core
from support.wire_data import key

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network import (
    Answer,
    Assign,
    Assignment,
    BurnNonce,
    Delay,
    Kind,
    LoseReply,
    NonceRace,
    Outage,
    SimNetwork,
    SimSettings,
)
from sp1tee.sim.network.faults import Method
from sp1tee.wire.pb import artifact_pb2, network_pb2, types_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture
async def request_id(sim: SimNetwork, requester: Peer) -> bytes:
    """A request that waits for its proof."""
    sim.put_program(VK_HASH, VK, b"program")
    return await requester.request(base_body())


async def fulfill(peer: Peer, request_id: bytes) -> None:
    body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=mock_core())
    await peer.send("FulfillProof", body)


@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED"])
async def test_the_next_calls_of_a_method_fail_and_change_nothing(
    sim: SimNetwork, requester: Peer, fulfiller: Peer, request_id: bytes, status: str
):
    await sim.inject(Answer(method="FulfillProof", calls=2, status=status))
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await fulfill(fulfiller, request_id)
        assert refused.value.status == status
    assert not sim.ledger.of(Kind.FULFILLED)
    await requester.status(request_id)
    await fulfill(fulfiller, request_id)
    assert len(sim.ledger.of(Kind.FULFILLED)) == 1


async def test_other_methods_do_not_notice(sim: SimNetwork, requester: Peer, request_id: bytes):
    await sim.inject(Answer(method="FulfillProof", calls=None))
    await requester.status(request_id)


async def test_a_lost_reply_leaves_the_call_applied(
    sim: SimNetwork, fulfiller: Peer, request_id: bytes
):
    await sim.inject(LoseReply(method="FulfillProof"))
    with pytest.raises(Refused) as refused:
        await fulfill(fulfiller, request_id)
    assert refused.value.status == "UNAVAILABLE"
    assert len(sim.ledger.of(Kind.FULFILLED)) == 1
    assert await fulfiller.nonce() == 1


async def test_a_refused_call_has_no_reply_to_lose(
    sim: SimNetwork, fulfiller: Peer, request_id: bytes
):
    await sim.inject(LoseReply(method="FulfillProof"))
    body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=b"none")
    with pytest.raises(Refused, match="failed to decode proof"):
        await fulfiller.send("FulfillProof", body)
    assert sim.faults == (LoseReply(method="FulfillProof"),)


async def test_a_connection_can_break_after_the_call_was_applied(
    sim: SimNetwork, requester: Peer, fulfiller: Peer, request_id: bytes
):
    await sim.inject(LoseReply(method="FulfillProof", drop=True))
    with pytest.raises(Refused) as refused:
        await fulfill(fulfiller, request_id)
    assert refused.value.status == "UNAVAILABLE"
    assert len(sim.ledger.of(Kind.FULFILLED)) == 1
    async with Peer(sim.url, fulfiller.signer) as again:
        # It may take a moment until the network listens again.
        await again.channel.channel_ready()
        status = await again.status(request_id)
    assert status.fulfillment_status == types_pb2.FULFILLED


async def test_somebody_else_can_use_the_nonce_just_told(
    sim: SimNetwork, fulfiller: Peer, request_id: bytes
):
    await sim.inject(NonceRace())
    with pytest.raises(Refused, match="expected 1, got 0") as refused:
        await fulfill(fulfiller, request_id)
    assert refused.value.status == "ABORTED"
    await fulfill(fulfiller, request_id)
    assert [entry.account for entry in sim.ledger.of(Kind.NONCE_BURNT)] == [
        fulfiller.signer.address
    ]


async def test_nonces_can_be_burnt_at_any_moment(sim: SimNetwork, fulfiller: Peer):
    await sim.inject(BurnNonce(address=fulfiller.signer.address, times=7))
    assert await fulfiller.nonce() == 7 == sim.nonce(fulfiller.signer.address)


async def test_a_call_can_be_held_until_the_fault_is_lifted(
    sim: SimNetwork, fulfiller: Peer, request_id: bytes
):
    await sim.inject(Delay(method="FulfillProof", calls=1))
    held = asyncio.create_task(fulfill(fulfiller, request_id))
    await asyncio.wait([held], timeout=0.05)
    assert not held.done()
    assert not sim.ledger.of(Kind.FULFILLED)
    await sim.lift()
    await held
    assert len(sim.ledger.of(Kind.FULFILLED)) == 1


async def test_a_held_call_may_come_too_late(
    sim: SimNetwork, clock: Clock, requester: Peer, fulfiller: Peer, request_id: bytes
):
    late = await requester.request(base_body(deadline=int(clock()) + 5))
    await sim.inject(Delay(method="FulfillProof"))
    held = asyncio.create_task(fulfill(fulfiller, late))
    await asyncio.wait([held], timeout=0.05)
    clock.now += 5
    await sim.lift()
    with pytest.raises(Refused, match="not in the assigned state"):
        await held


async def test_calls_can_be_slow(sim: SimNetwork, requester: Peer):
    await sim.inject(Delay(seconds=0.001))
    assert await requester.nonce() == 0


async def test_in_an_outage_every_call_is_unavailable(
    sim: SimNetwork, requester: Peer, request_id: bytes
):
    await sim.inject(Outage())
    with pytest.raises(Refused, match="the network is down") as refused:
        await requester.status(request_id)
    assert refused.value.status == "UNAVAILABLE"
    await sim.lift()
    await requester.status(request_id)


async def test_in_an_outage_the_listener_can_be_closed(
    sim: SimNetwork, requester: Peer, request_id: bytes
):
    url = sim.url
    await sim.inject(Outage(closed=True))
    async with Peer(url, requester.signer) as cut_off:
        with pytest.raises(Refused) as refused:
            await cut_off.status(request_id)
    assert refused.value.status == "UNAVAILABLE"
    await sim.lift()
    assert sim.url == url
    async with Peer(url, requester.signer) as back:
        await back.status(request_id)


async def test_uploads_and_downloads_can_fail_too(sim: SimNetwork, requester: Peer):
    placed = await requester.place(artifact_pb2.STDIN)
    url = placed.artifact_presigned_url
    await sim.inject(Answer(method="PUT"))
    await sim.inject(LoseReply(method="GET"))
    async with httpx.AsyncClient() as http:
        assert (await http.put(url, content=b"an input")).status_code == 503
        assert (await http.put(url, content=b"an input")).status_code == 200
        assert (await http.get(url)).status_code == 503
        assert (await http.get(url)).content == b"an input"


async def test_a_fault_of_every_method_leaves_the_artifacts_alone(sim: SimNetwork, requester: Peer):
    placed = await requester.place(artifact_pb2.STDIN)
    await sim.inject(Answer(calls=None))
    async with httpx.AsyncClient() as http:
        put = await http.put(placed.artifact_presigned_url, content=b"an input")
    assert put.status_code == 200


async def test_a_request_that_somebody_has_cannot_be_assigned_again(
    sim: SimNetwork, request_id: bytes
):
    with pytest.raises(NetworkRefusal, match="not in the requested state"):
        await sim.inject(Assign(request_id=request_id, fulfiller=b"\x01" * 20))


class TestFromTheStart:
    @pytest.fixture
    def settings(self) -> SimSettings:
        faults = (Answer(method="GetNonce"), Assignment(fulfiller=b"\x42" * 20))
        return SimSettings(fulfiller=key("test_key_2").address, faults=faults)

    async def test_faults_can_be_settings(self, sim: SimNetwork, requester: Peer):
        with pytest.raises(Refused, match="injected fault"):
            await requester.nonce()
        sim.put_program(VK_HASH, VK, b"program")
        request_id = await requester.request(base_body())
        assert sim.request(request_id).fulfiller == b"\x42" * 20


class TestOverHttp:
    """What drives a simulator in another process."""

    @pytest.fixture
    async def http(self, sim: SimNetwork) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=sim.artifacts_url) as client:
            yield client

    async def test_a_fault_is_injected_listed_and_lifted(
        self, sim: SimNetwork, http: httpx.AsyncClient, requester: Peer
    ):
        fault = {"fault": "answer", "method": "GetNonce", "status": "INTERNAL", "calls": None}
        assert (await http.post("/faults", json=fault)).status_code == 204
        assert (await http.get("/faults")).json() == [fault]
        with pytest.raises(Refused) as refused:
            await requester.nonce()
        assert refused.value.status == "INTERNAL"
        assert (await http.delete("/faults")).status_code == 204
        assert await requester.nonce() == 0

    async def test_bytes_are_hex_digits(
        self, sim: SimNetwork, http: httpx.AsyncClient, requester: Peer
    ):
        fault = {"fault": "burn_nonce", "address": requester.signer.address.hex()}
        assert (await http.post("/faults", json=fault)).status_code == 204
        assert await requester.nonce() == 1

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"{}", b'{"fault": "unheard of"}', b'{"fault": "answer", "x": 1}']
    )
    async def test_a_fault_that_does_not_exist_is_refused_with_reasons(
        self, http: httpx.AsyncClient, body: bytes
    ):
        reply = await http.post("/faults", content=body)
        assert reply.status_code == 400
        assert reply.json()[0]["problem"]

    async def test_what_cannot_be_done_is_a_conflict(
        self, http: httpx.AsyncClient, request_id: bytes
    ):
        fault = {"fault": "assign", "request_id": request_id.hex(), "fulfiller": "01" * 20}
        assert (await http.post("/faults", json=fault)).status_code == 409

    async def test_the_ledger_can_be_read(
        self, http: httpx.AsyncClient, requester: Peer, request_id: bytes
    ):
        requested, assigned = (await http.get("/ledger")).json()
        assert requested["kind"] == "requested"
        assert requested["call"]["signer"] == requester.signer.address.hex()
        assert assigned["request_id"] == request_id.hex()
        assert assigned["call"] is None

    async def test_there_is_nothing_else(self, http: httpx.AsyncClient):
        assert (await http.get("/")).status_code == 404
        assert (await http.put("/faults")).status_code == 404


def test_every_method_of_the_network_can_be_made_to_fail():
    served = {
        method.name
        for file in (network_pb2, artifact_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert set(get_args(Method)) == {"*", "PUT", "GET"} | served


def test_a_fault_of_a_method_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError):
        Answer(method="FulfilProof")


def test_a_fault_of_a_negative_length_is_refused():
    with pytest.raises(ValidationError):
        Delay(seconds=-1)
