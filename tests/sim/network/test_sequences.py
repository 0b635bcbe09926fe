"""What an SDK and a fulfiller do from first to last, over stock grpcio."""

import hashlib

import httpx
import pytest
from support.network_peer import (
    PUBLIC_VALUES,
    VK,
    VK_HASH,
    Clock,
    Peer,
    Refused,
    auction_body,
    base_body,
    mock_core,
)

from sp1tee.sim.network import Assign, Assignment, Kind, SimNetwork
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.signing import keccak256

pytestmark = pytest.mark.anyio

STDIN = b"an input"


async def params(peer: Peer) -> auction_pb2.GetProofRequestParamsResponse:
    ask = auction_pb2.GetProofRequestParamsRequest(mode=types_pb2.CORE)
    return await peer.ask("GetProofRequestParams", ask)


async def fulfill(peer: Peer, request_id: bytes, proof: bytes) -> bytes:
    body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=proof)
    return (await peer.send("FulfillProof", body)).tx_hash


async def download(url: str) -> bytes:
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).raise_for_status().content


async def test_a_reserved_request_goes_from_registration_to_its_proof(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    with pytest.raises(Refused, match="program not found") as refused:
        await requester.ask("GetProgram", types_pb2.GetProgramRequest(vk_hash=VK_HASH))
    assert refused.value.status == "NOT_FOUND"
    await requester.register()
    program = await requester.ask("GetProgram", types_pb2.GetProgramRequest(vk_hash=VK_HASH))
    assert (program.program.vk, program.program.owner) == (VK, requester.signer.address)

    stdin_uri = await requester.upload(artifact_pb2.STDIN, STDIN)
    request_id = await requester.request(base_body(stdin_uri=stdin_uri))
    waiting = await requester.status(request_id)
    assert waiting.fulfillment_status == types_pb2.ASSIGNED
    assert waiting.execution_status == types_pb2.UNEXECUTED
    assert len(waiting.request_tx_hash) == 32
    assert not waiting.HasField("proof_uri")

    details = await fulfiller.details(request_id)
    assert details.fulfiller == fulfiller.signer.address
    assert details.requester == requester.signer.address
    assert details.stdin_uri == stdin_uri
    assert await download(details.program_public_uri) == b"program"
    assert await download(details.stdin_public_uri) == STDIN

    tx_hash = await fulfill(fulfiller, request_id, mock_core())
    done = await requester.status(request_id)
    assert done.fulfillment_status == types_pb2.FULFILLED
    assert done.execution_status == types_pb2.EXECUTED
    assert done.fulfill_tx_hash == tx_hash
    assert done.public_values_hash == hashlib.sha256(PUBLIC_VALUES).digest()
    assert await download(done.proof_uri) == mock_core()


async def test_a_mainnet_request_goes_from_parameters_to_its_proof(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    await requester.register()
    told = await params(requester)
    uptime = auction_pb2.GetProversByUptimeRequest()
    provers = (await requester.ask("GetProversByUptime", uptime)).provers
    body = auction_body(told, whitelist=provers)
    request_id = await requester.request(body)
    assert request_id == keccak256(requester.signer.address, body.SerializeToString())

    details = await fulfiller.details(request_id, auction_pb2.ProofRequest)
    assert details.fulfiller == fulfiller.signer.address
    assert (details.base_fee, details.max_price_per_pgu) == ("0", "200000")
    await fulfiller.send(
        "FulfillProof",
        auction_pb2.FulfillProofRequestBody(
            request_id=request_id,
            proof=mock_core(),
            domain=told.domain,
            variant=types_pb2.FULFILL_VARIANT,
        ),
    )
    assert (await requester.status(request_id)).fulfillment_status == types_pb2.FULFILLED


async def test_a_hosted_request_goes_to_somebody_else(requester: Peer, fulfiller: Peer):
    await requester.register()
    request_id = await requester.request(base_body(strategy=types_pb2.HOSTED))
    details = await requester.details(request_id)
    assert details.fulfiller not in (b"", fulfiller.signer.address)


async def test_nobody_outside_its_whitelist_gets_a_request(requester: Peer):
    await requester.register()
    request_id = await requester.request(base_body(whitelist=[b"\x77" * 20]))
    status = await requester.status(request_id)
    assert status.fulfillment_status == types_pb2.REQUESTED


async def test_a_fulfiller_can_give_up_with_a_reason(requester: Peer, fulfiller: Peer):
    await requester.register()
    request_id = await requester.request(base_body())
    body = types_pb2.FailFulfillmentRequestBody(
        request_id=request_id, error=types_pb2.EXECUTION_FAILURE
    )
    await fulfiller.send("FailFulfillment", body)
    status = await requester.status(request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert status.execution_status == types_pb2.UNEXECUTABLE
    assert (await requester.details(request_id)).error == types_pb2.EXECUTION_FAILURE


async def test_an_auction_failure_may_carry_a_trace(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    await requester.register()
    request_id = await requester.request(auction_body(await params(requester)))
    body = auction_pb2.FailFulfillmentRequestBody(
        request_id=request_id, error=types_pb2.PROVING_FAILURE, error_trace=b"{}"
    )
    await fulfiller.send("FailFulfillment", body)
    (entry,) = sim.ledger.of(Kind.FAILED)
    assert entry.error == types_pb2.PROVING_FAILURE


async def test_a_requester_can_cancel_an_auction_request_that_nobody_has(
    sim: SimNetwork, requester: Peer
):
    await sim.inject(Assignment(fulfiller=None))
    await requester.register()
    request_id = await requester.request(auction_body(await params(requester)))
    await requester.send(
        "CancelRequest", auction_pb2.CancelRequestRequestBody(request_id=request_id)
    )
    details = await requester.details(request_id, auction_pb2.ProofRequest)
    assert details.is_canceled
    assert details.fulfillment_status == types_pb2.UNFULFILLABLE


async def test_a_private_input_can_be_read_with_a_signature_only(requester: Peer, fulfiller: Peer):
    await requester.register()
    stdin_uri = await requester.upload(artifact_pb2.PRIVATE_STDIN, STDIN)
    request_id = await requester.request(base_body(stdin_uri=stdin_uri, stdin_private=True))
    details = await requester.details(request_id)
    assert details.stdin_private
    assert not details.stdin_public_uri
    reply = await fulfiller.send(
        "GetStdinUri", types_pb2.GetStdinUriRequestBody(request_id=request_id)
    )
    assert await download(reply.stdin_uri) == STDIN


async def test_a_request_without_a_proof_expires_at_its_deadline(
    sim: SimNetwork, clock: Clock, requester: Peer
):
    await requester.register()
    request_id = await requester.request(base_body(deadline=int(clock()) + 60))
    clock.now += 60
    status = await requester.status(request_id)
    assert status.fulfillment_status == types_pb2.EXPIRED
    assert [entry.kind for entry in sim.ledger.about(request_id)] == [
        Kind.REQUESTED,
        Kind.ASSIGNED,
        Kind.EXPIRED,
    ]


async def test_assignment_can_be_late_by_seconds(
    sim: SimNetwork, clock: Clock, requester: Peer, fulfiller: Peer
):
    await sim.inject(Assignment(fulfiller=fulfiller.signer.address, delay_s=30))
    await requester.register()
    request_id = await requester.request(base_body())
    assert (await requester.status(request_id)).fulfillment_status == types_pb2.REQUESTED
    clock.now += 30
    assert (await requester.status(request_id)).fulfillment_status == types_pb2.ASSIGNED


async def test_assignment_can_wait_until_told(sim: SimNetwork, requester: Peer, fulfiller: Peer):
    await sim.inject(Assignment(fulfiller=fulfiller.signer.address, delay_s=None))
    await requester.register()
    request_id = await requester.request(base_body())
    assert not (await requester.details(request_id)).HasField("fulfiller")
    await sim.inject(Assign(request_id=request_id, fulfiller=fulfiller.signer.address))
    assert (await requester.details(request_id)).fulfiller == fulfiller.signer.address


async def test_assignment_can_go_to_another_fulfiller(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    await sim.inject(Assignment(fulfiller=b"\x99" * 20))
    await requester.register()
    request_id = await requester.request(base_body())
    assert (await requester.details(request_id)).fulfiller == b"\x99" * 20
    with pytest.raises(Refused, match="signer is not the fulfiller"):
        await fulfill(fulfiller, request_id, mock_core())


async def test_accounts_are_rich_and_own_themselves(requester: Peer):
    address = requester.signer.address
    balance = await requester.ask("GetBalance", types_pb2.GetBalanceRequest(address=address))
    owner = await requester.ask("GetOwner", types_pb2.GetOwnerRequest(address=address))
    price = await requester.ask("GetMarketPricePerPgu", types_pb2.GetMarketPricePerPguRequest())
    assert int(balance.amount) > 0
    assert owner.owner == address
    assert price.price == "200000"


async def test_a_program_can_be_there_from_the_start(sim: SimNetwork, requester: Peer):
    uri = sim.put_program(VK_HASH, VK, b"program")
    request_id = await requester.request(base_body())
    details = await requester.details(request_id)
    assert details.program_uri == uri
    assert await download(details.program_public_uri) == b"program"
