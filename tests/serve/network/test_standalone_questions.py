"""What a stand-alone server tells about requests and about itself as a network."""

from pathlib import Path

import pytest
from support.network_room import Refused, Room, a_room
from support.serving import (
    ALICE,
    BOB,
    NOW,
    proof_body,
)

from sp1tee.serve.network.answers import MAINNET_DOMAIN
from sp1tee.serve.network.build import NOBODY
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import keccak256

pytestmark = pytest.mark.anyio


async def details(room: Room, request_id: bytes) -> bytes:
    ask = types_pb2.GetProofRequestDetailsRequest(request_id=request_id)
    return (
        await room.ask("GetProofRequestDetails", ask, types_pb2.GetProofRequestDetailsResponse)
    ).request


async def test_details_are_in_the_dialect_of_the_request(room: Room) -> None:
    await room.register()
    base = await room.request(proof_body(await room.upload_stdin()))
    auction = await room.request(proof_body(await room.upload_stdin(), Dialect.AUCTION))
    shown = types_pb2.ProofRequest.FromString(await details(room, base.body.request_id))
    assert (shown.request_id, shown.fulfiller) == (base.body.request_id, NOBODY)
    other = auction_pb2.ProofRequest.FromString(await details(room, auction.body.request_id))
    assert other.max_price_per_pgu == "240000"


async def test_lists_are_closed_unless_opened(room: Room) -> None:
    with pytest.raises(Refused) as refused:
        await room.call("GetFilteredProofRequests", b"")
    assert refused.value.status == "PERMISSION_DENIED"
    assert "public_lists" in refused.value.text


async def test_lists_can_be_opened_to_everybody(tmp_path: Path) -> None:
    async with a_room(tmp_path, public_lists=True) as room:
        await room.register()
        reply = await room.request(proof_body(await room.upload_stdin()))
        await room.upload_stdin(BOB)
        mine = types_pb2.GetFilteredProofRequestsRequest(requester=ALICE.address)
        theirs = types_pb2.GetFilteredProofRequestsRequest(requester=BOB.address)
        kind = types_pb2.GetFilteredProofRequestsResponse
        (shown,) = (await room.ask("GetFilteredProofRequests", mine, kind)).requests
        assert types_pb2.ProofRequest.FromString(shown).request_id == reply.body.request_id
        assert not (await room.ask("GetFilteredProofRequests", theirs, kind)).requests


async def test_whoever_holds_the_token_may_list(tmp_path: Path) -> None:
    token = "a-token-for-requesters"
    async with a_room(tmp_path, bearer_token=token) as room:
        assert await room.call("GetFilteredProofRequests", b"", token=token) == b""
        with pytest.raises(Refused) as refused:
            await room.call("GetFilteredProofRequests", b"")
    assert refused.value.status == "UNAUTHENTICATED"


async def test_an_auction_client_is_told_what_it_signs(room: Room) -> None:
    ask = auction_pb2.GetProofRequestParamsRequest(mode=2)
    params = await room.ask("GetProofRequestParams", ask, auction_pb2.GetProofRequestParamsResponse)
    assert params.domain == MAINNET_DOMAIN
    for address in (params.auctioneer, params.executor, params.verifier, params.treasury):
        assert len(address) == 20
    assert int(params.base_fee) == 0
    assert int(params.max_price_per_pgu) > 0


def test_the_domain_is_the_separator_of_the_prover_network() -> None:
    kind = b"EIP712Domain(string name,string version,uint256 chainId)"
    fields = (b"Succinct Prover Network", b"1.0.0")
    hashed = [keccak256(part) for part in (kind, *fields)]
    assert keccak256(*hashed, (1).to_bytes(32, "big")) == MAINNET_DOMAIN


async def test_the_one_prover_is_this_server(room: Room) -> None:
    provers = await room.ask(
        "GetProversByUptime",
        auction_pb2.GetProversByUptimeRequest(),
        auction_pb2.GetProversByUptimeResponse,
    )
    assert list(provers.provers) == [NOBODY]


async def test_nothing_costs_anything(room: Room) -> None:
    balance = await room.ask(
        "GetBalance",
        types_pb2.GetBalanceRequest(address=ALICE.address),
        types_pb2.GetBalanceResponse,
    )
    price = await room.ask(
        "GetMarketPricePerPgu",
        types_pb2.GetMarketPricePerPguRequest(),
        auction_pb2.GetMarketPricePerPguResponse,
    )
    assert (balance.amount, price.price, price.as_of) == ("0", "0", int(NOW))


async def test_everybody_owns_himself(room: Room) -> None:
    answer = await room.ask(
        "GetOwner", types_pb2.GetOwnerRequest(address=BOB.address), types_pb2.GetOwnerResponse
    )
    assert answer.owner == BOB.address


@pytest.mark.parametrize("method", ["FulfillProof", "FailFulfillment", "GetStdinUri"])
async def test_what_fulfillers_call_is_not_served(room: Room, method: str) -> None:
    with pytest.raises(Refused) as refused:
        await room.call(method, b"")
    assert refused.value.status == "UNIMPLEMENTED"


@pytest.mark.parametrize("method", ["TakeNextProofRequest", "ExecuteProof", "Bid"])
async def test_other_methods_do_not_exist(room: Room, method: str) -> None:
    with pytest.raises(Refused) as refused:
        await room.call(method, b"")
    assert refused.value.status == "UNIMPLEMENTED"
