"""Lists of requests: newest first, ten unless told, never more than a hundred."""

from typing import Any

import pytest
from support.network_peer import VK, VK_HASH, Clock, Peer, auction_body, base_body, mock_core

from sp1tee.sim.network import Assignment, SimNetwork
from sp1tee.wire.pb import auction_pb2, types_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def program(sim: SimNetwork) -> None:
    sim.put_program(VK_HASH, VK, b"program")


async def listed(peer: Peer, **wanted: Any) -> list[bytes]:
    ask = types_pb2.GetFilteredProofRequestsRequest(**wanted)
    reply = await peer.ask("GetFilteredProofRequests", ask)
    return [types_pb2.ProofRequest.FromString(found).request_id for found in reply.requests]


async def test_the_newest_come_first_in_pages(requester: Peer):
    made = [await requester.request(base_body(cycle_limit=n)) for n in range(1, 13)]
    newest_first = made[::-1]
    assert await listed(requester) == newest_first[:10]
    assert await listed(requester, limit=5, page=2) == newest_first[5:10]
    assert await listed(requester, limit=5, page=3) == newest_first[10:]
    assert await listed(requester, limit=5, page=4) == []


async def test_a_page_has_a_hundred_requests_at_most(requester: Peer):
    for n in range(101):
        await requester.request(base_body(cycle_limit=n))
    assert len(await listed(requester, limit=1000)) == 100


async def test_filters_say_what_is_wanted(
    sim: SimNetwork, clock: Clock, requester: Peer, fulfiller: Peer
):
    await sim.inject(Assignment(fulfiller=None))
    waiting = await requester.request(base_body(mode=types_pb2.GROTH16))
    await sim.inject(Assignment(fulfiller=fulfiller.signer.address))
    clock.now += 100
    soon = await requester.request(base_body(deadline=int(clock()) + 10))
    proved = await requester.request(base_body(version="sp1-v6.1.0"))
    body = types_pb2.FulfillProofRequestBody(request_id=proved, proof=mock_core())
    await fulfiller.send("FulfillProof", body)
    now = int(clock())

    assert await listed(requester, fulfillment_status=types_pb2.ASSIGNED) == [soon]
    assert await listed(requester, execution_status=types_pb2.EXECUTED) == [proved]
    assert await listed(requester, fulfiller=fulfiller.signer.address) == [proved, soon]
    assert await listed(requester, requester=fulfiller.signer.address) == []
    assert await listed(requester, mode=types_pb2.GROTH16) == [waiting]
    assert await listed(requester, minimum_deadline=now + 10) == [proved, waiting]
    assert await listed(requester, **{"from": now}) == [proved, soon]
    assert await listed(requester, to=now - 1) == [waiting]
    assert await listed(requester, vk_hash=b"\x01" * 32) == []
    assert await listed(requester, version="sp1-v5.0.0") == []
    assert await listed(requester, settlement_status=types_pb2.SETTLED) == []
    assert await listed(requester, not_bid_by=fulfiller.signer.address, mode=1) == [proved, soon]
    clock.now += 10
    assert await listed(requester, is_timed_out=True) == [soon]


async def test_requests_of_both_dialects_are_told_apart(requester: Peer):
    ask = auction_pb2.GetProofRequestParamsRequest(mode=types_pb2.CORE)
    told = await requester.ask("GetProofRequestParams", ask)
    base = await requester.request(base_body())
    auction = await requester.request(auction_body(told))
    assert await listed(requester) == [auction, base]
    assert await listed(requester, use_mainnet=True) == [auction]
    assert await listed(requester, use_mainnet=False) == [base]
