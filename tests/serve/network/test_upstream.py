"""A server in front of a Prover Network: registered there once, proved here, settled there once."""

import asyncio
from pathlib import Path

import httpx
import pytest
from support.network_room import Refused, Room
from support.serving import ALICE, BOB, STDIN, Clock, program_body, proof_body, real_program, sealed
from support.upstream_room import PROOF, SERVER_KEY, a_network, core_body, in_front_of

from sp1tee.sim.network import Answer, Assignment, Kind, LoseReply, Outage, SimNetwork
from sp1tee.store.records import NETWORK_OWNER, Failure, State
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2

pytestmark = pytest.mark.anyio


async def queued(room: Room) -> None:
    await room.until(lambda record: record.state is State.QUEUED)


async def settled(network: SimNetwork, request_id: bytes) -> None:
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: bool(ledger.of(Kind.FULFILLED, request_id)))


# --- the whole way -------------------------------------------------------------------------


async def test_a_request_goes_all_the_way(front: Room, network: SimNetwork) -> None:
    reply = await front.request(await core_body(front))
    await queued(front)
    waiting = await front.status(reply.body.request_id)
    assert waiting.fulfillment_status == types_pb2.ASSIGNED
    await front.prove(PROOF)
    await front.until(lambda record: record.state is State.SETTLED)
    (entry,) = network.ledger.of(Kind.FULFILLED, reply.body.request_id)
    assert entry.account == SERVER_KEY.address
    done = await front.status(reply.body.request_id)
    assert done.fulfillment_status == types_pb2.FULFILLED
    async with httpx.AsyncClient() as client:
        assert (await client.get(done.proof_uri)).content == PROOF


async def test_the_network_s_own_ids_are_given_out(front: Room, network: SimNetwork) -> None:
    reply = await front.request(await core_body(front))
    assert network.request(reply.body.request_id).tx_hash == reply.tx_hash


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_both_dialects_pass_a_network_that_checks_every_byte(
    network: SimNetwork, clock: Clock, tmp_path: Path, dialect: Dialect
) -> None:
    params = network.settings.auction
    agreed = {
        "domain": params.domain,
        "auctioneer": params.auctioneer,
        "executor": params.executor,
        "verifier": params.verifier,
        "treasury": params.treasury,
        "public_values_hash": None,
    }
    changes = agreed if dialect is Dialect.AUCTION else {}
    both = ["reserved", "auction"]
    async with in_front_of(network, tmp_path, clock=clock, strategies=both) as front:
        reply = await front.request(await core_body(front, dialect, **changes))
        await queued(front)
        await front.prove(PROOF)
        await settled(network, reply.body.request_id)


async def test_an_input_that_its_requester_calls_private_is_taken_by_the_network(
    front: Room, network: SimNetwork
) -> None:
    place = await front.create_artifact(kind=artifact_pb2.PRIVATE_STDIN)
    await front.put(place.artifact_presigned_url, STDIN)
    reply = await front.request(
        proof_body(place.artifact_uri, mode=types_pb2.CORE, stdin_private=True)
    )
    await queued(front)
    await front.prove(PROOF)
    await settled(network, reply.body.request_id)


async def test_a_program_is_uploaded_to_and_registered_with_the_network(
    clock: Clock, tmp_path: Path
) -> None:
    program = real_program()
    async with a_network(clock) as network, in_front_of(network, tmp_path, clock=clock) as front:
        place = await front.create_artifact(kind=artifact_pb2.PROGRAM)
        assert place.artifact_uri.startswith("s3://")
        async with httpx.AsyncClient() as client:
            reply = await client.put(place.artifact_presigned_url, content=program.upload)
        assert reply.is_success
        body = program_body(program, place.artifact_uri, nonce=await front.nonce())
        with pytest.raises(Refused) as refused:
            await front.call("CreateProgram", sealed(ALICE, body))
        assert refused.value.status == "ALREADY_EXISTS"


async def test_inputs_stay_here(front: Room) -> None:
    place = await front.create_artifact()
    assert place.artifact_uri.startswith("http://prover.test/artifacts/stdin/")


async def test_the_network_s_program_is_put_on_our_shelf_once(
    front: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = real_program()
    bodies = [await core_body(front)]
    await asyncio.gather(*(front.request(body) for body in bodies))
    await queued(front)
    kept = await front.store.programs.get(program.vk_hash, NETWORK_OWNER)
    assert kept is not None
    assert kept.vk == program.vk
    assert kept.size == len(await _blob(front, kept.blob))


async def _blob(room: Room, blob: str | None) -> bytes:
    return b"".join([chunk async for chunk in room.store.vault.read(blob or "")])


async def test_questions_are_the_network_s_to_answer(front: Room, network: SimNetwork) -> None:
    balance = await front.ask(
        "GetBalance",
        types_pb2.GetBalanceRequest(address=ALICE.address),
        types_pb2.GetBalanceResponse,
    )
    assert balance.amount == network.settings.balance
    params = await front.ask(
        "GetProofRequestParams",
        auction_pb2.GetProofRequestParamsRequest(mode=1),
        auction_pb2.GetProofRequestParamsResponse,
    )
    assert params.treasury == network.settings.auction.treasury


async def test_details_and_lists_are_the_network_s(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock, public_lists=True) as front:
        reply = await front.request(await core_body(front))
        ask = types_pb2.GetProofRequestDetailsRequest(request_id=reply.body.request_id)
        details = await front.ask(
            "GetProofRequestDetails", ask, types_pb2.GetProofRequestDetailsResponse
        )
        listed = await front.ask(
            "GetFilteredProofRequests",
            types_pb2.GetFilteredProofRequestsRequest(requester=ALICE.address),
            types_pb2.GetFilteredProofRequestsResponse,
        )
    assert list(listed.requests) == [details.request]
    shown = types_pb2.ProofRequest.FromString(details.request)
    assert shown.fulfiller == SERVER_KEY.address


# --- registering once ----------------------------------------------------------------------


async def test_the_network_s_refusal_is_passed_on_and_final(
    front: Room, network: SimNetwork
) -> None:
    body = await core_body(front, vk_hash=b"\x01" * 32)
    with pytest.raises(Refused) as refused:
        await front.request(body)
    assert refused.value.status == "NOT_FOUND"
    assert "program not found" in refused.value.text
    counts = await front.store.requests.counts()
    assert counts[State.FAILED] == 1
    assert not await front.store.requests.outbox(10)
    with pytest.raises(Refused) as again:
        await front.request(body)
    assert again.value.status == "FAILED_PRECONDITION"
    assert "program not found" in again.value.text
    assert not network.ledger.of(Kind.REQUESTED)


async def test_a_stale_nonce_is_a_reason_to_sign_again(front: Room, network: SimNetwork) -> None:
    uri = await front.upload_stdin()
    with pytest.raises(Refused) as refused:
        await front.request(proof_body(uri, mode=1, nonce=5))
    assert refused.value.status == "ABORTED"
    assert "nonce" in refused.value.text
    assert await front.request(proof_body(uri, mode=1, nonce=await front.nonce()))
    assert len(network.ledger.of(Kind.REQUESTED)) == 1


@pytest.mark.parametrize("drop", [False, True], ids=["error", "broken connection"])
async def test_a_lost_reply_makes_no_second_request(
    front: Room, network: SimNetwork, drop: bool
) -> None:
    await network.inject(LoseReply(method="RequestProof", drop=drop))
    uri = await front.upload_stdin()
    with pytest.raises(Refused) as refused:
        await front.request(proof_body(uri, mode=1, nonce=0))
    assert refused.value.status == "UNAVAILABLE"
    reply = await front.request(proof_body(uri, mode=1, nonce=await front.nonce()))
    (entry,) = network.ledger.of(Kind.REQUESTED)
    assert entry.request_id == reply.body.request_id


async def test_a_lost_reply_is_not_mixed_up_with_another_request_for_the_same_input(
    front: Room, network: SimNetwork
) -> None:
    uri = await front.upload_stdin()
    first = await front.request(proof_body(uri, mode=types_pb2.CORE, nonce=0))
    await network.inject(LoseReply(method="RequestProof"))
    with pytest.raises(Refused):
        await front.request(proof_body(uri, mode=types_pb2.COMPRESSED, nonce=1))
    body = proof_body(uri, mode=types_pb2.COMPRESSED, nonce=await front.nonce())
    second = await front.request(body)
    assert second.body.request_id != first.body.request_id
    assert network.request(second.body.request_id).body.mode == types_pb2.COMPRESSED
    assert len(network.ledger.of(Kind.REQUESTED)) == 2


async def test_a_request_that_the_client_gave_up_on_is_found_and_proved(
    front: Room, network: SimNetwork
) -> None:
    await network.inject(LoseReply(method="RequestProof"))
    with pytest.raises(Refused):
        await front.request(await core_body(front))
    await queued(front)
    (entry,) = network.ledger.of(Kind.REQUESTED)
    await front.prove(PROOF)
    assert entry.request_id is not None
    await settled(network, entry.request_id)


async def test_a_crash_between_acceptance_upstream_and_here_is_reconciled(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock, run=False) as front:
        body = await core_body(front)
        await network.inject(LoseReply(method="RequestProof"))
        with pytest.raises(Refused):
            await front.request(body)
        (record,) = await front.store.requests.open_records()
        assert record.request_id is None
    async with in_front_of(network, tmp_path, clock=clock) as front:
        await queued(front)
        reply = await front.request(body)
        (entry,) = network.ledger.of(Kind.REQUESTED)
        assert entry.request_id == reply.body.request_id


async def test_an_intent_that_never_got_through_ends_with_a_reason(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    async with in_front_of(network, tmp_path, clock=clock) as front:
        await network.inject(Outage())
        body = await core_body_without_network(front)
        with pytest.raises(Refused) as refused:
            await front.request(body)
        assert refused.value.status == "UNAVAILABLE"
        clock.pass_by(301)
        await front.until(lambda record: record.state is State.FAILED)
        await network.lift()
        with pytest.raises(Refused) as refused:
            await front.request(body)
        assert "never reached the network" in refused.value.text
    assert not network.ledger.of(Kind.REQUESTED)


async def core_body_without_network(room: Room) -> bytes:
    return proof_body(await room.upload_stdin(), mode=types_pb2.CORE)


async def test_a_request_succeeds_once_the_network_is_back(
    front: Room, network: SimNetwork
) -> None:
    await network.inject(Outage(closed=True))
    body = await core_body_without_network(front)
    with pytest.raises(Refused) as refused:
        await front.request(body)
    assert refused.value.status == "UNAVAILABLE"
    assert "127.0.0.1" not in refused.value.text
    await network.lift()
    await until_reachable(front)
    assert await front.request(body)
    assert len(network.ledger.of(Kind.REQUESTED)) == 1


async def until_reachable(room: Room) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await room.nonce()
            except Refused:
                await asyncio.sleep(0.1)
            else:
                return


async def test_the_same_call_twice_at_once_is_forwarded_once(
    front: Room, network: SimNetwork
) -> None:
    body = await core_body(front)
    replies = await asyncio.gather(*(front.request(body) for _ in range(8)))
    assert len({reply.body.request_id for reply in replies}) == 1
    assert len(network.ledger.of(Kind.REQUESTED)) == 1


async def test_a_client_that_hangs_up_leaves_no_request_behind(
    front: Room, network: SimNetwork
) -> None:
    call = asyncio.create_task(front.request(await core_body(front)))
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: bool(ledger.of(Kind.REQUESTED)))
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await queued(front)


@pytest.mark.parametrize(
    ("strategy", "name"), [(types_pb2.HOSTED, "hosted"), (types_pb2.AUCTION, "auction")]
)
async def test_strategies_that_the_network_gives_to_others_are_refused_before_they_cost(
    front: Room, network: SimNetwork, strategy: int, name: str
) -> None:
    with pytest.raises(Refused) as refused:
        await front.request(await core_body(front, strategy=strategy))
    assert refused.value.status == "INVALID_ARGUMENT"
    assert name in refused.value.text
    assert not network.ledger.of(Kind.REQUESTED)


# --- assignment ----------------------------------------------------------------------------


async def test_a_late_assignment_is_waited_for(front: Room, network: SimNetwork) -> None:
    await network.inject(Assignment(fulfiller=SERVER_KEY.address, delay_s=None))
    reply = await front.request(await core_body(front))
    status = await front.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.REQUESTED
    from sp1tee.sim.network import Assign

    await network.inject(Assign(request_id=reply.body.request_id, fulfiller=SERVER_KEY.address))
    await queued(front)


async def test_a_request_assigned_to_somebody_else_ends_here_with_a_reason(
    front: Room, network: SimNetwork
) -> None:
    await network.inject(Assignment(fulfiller=BOB.address))
    reply = await front.request(await core_body(front))
    await front.until(lambda record: record.told)
    status = await front.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert "not to this server" in front.trailers["sp1tee-reason"]
    assert not network.ledger.of(Kind.FAILED)


async def test_what_the_network_ends_is_not_worked_on_any_more(
    front: Room, network: SimNetwork, clock: Clock
) -> None:
    reply = await front.request(await core_body(front))
    await queued(front)
    leased = await front.lease()
    clock.now = network.request(reply.body.request_id).deadline - 0.5
    clock.pass_by(1)
    status = await front.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert not await front.store.requests.beat(leased.lease_id, leased.token, 0, 30)


async def test_a_proof_that_the_network_no_longer_takes_is_told_to_fail_with_a_reason(
    front: Room, network: SimNetwork, clock: Clock
) -> None:
    reply = await front.request(await core_body(front))
    await queued(front)
    await network.inject(Answer(method="FulfillProof", calls=None))
    await front.prove(PROOF)
    clock.now = network.request(reply.body.request_id).deadline + 1
    status = await front.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert "expired" in front.trailers["sp1tee-reason"]


# --- programs ------------------------------------------------------------------------------


async def test_a_program_that_does_not_fit_its_key_fails_the_request_and_tells_why(
    front: Room, network: SimNetwork
) -> None:
    program = real_program()
    network.put_program(program.vk_hash, program.vk, b"\x00" * 16)
    reply = await front.request(await core_body(front))
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: bool(ledger.of(Kind.FAILED)))
    (entry,) = network.ledger.of(Kind.FAILED, reply.body.request_id)
    assert entry.error == types_pb2.VERIFICATION_KEY_MISMATCH


async def test_a_program_stored_where_we_may_not_fetch_from_fails_the_request(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    nowhere = ["https://elsewhere.test/"]
    async with in_front_of(network, tmp_path, clock=clock, program_sources=nowhere) as front:
        reply = await front.request(await core_body(front))
        await front.until(lambda record: record.told)
        await front.status(reply.body.request_id)
        assert "program_sources" in front.trailers["sp1tee-reason"]
    assert network.ledger.of(Kind.FAILED, reply.body.request_id)


async def test_a_failure_of_the_guest_is_told_to_the_network(
    front: Room, network: SimNetwork
) -> None:
    reply = await front.request(await core_body(front))
    await queued(front)
    await front.give_up(Failure(types_pb2.EXECUTION_FAILURE, 5, "It ran out of cycles."))
    status = await front.status(reply.body.request_id)
    assert status.execution_status == types_pb2.UNEXECUTABLE
    assert front.trailers["sp1tee-reason"] == "It ran out of cycles."
    async with asyncio.timeout(20):
        await network.wait_for(lambda ledger: bool(ledger.of(Kind.FAILED)))
    (entry,) = network.ledger.of(Kind.FAILED, reply.body.request_id)
    assert entry.error == types_pb2.EXECUTION_FAILURE


async def test_a_requester_can_cancel_what_nobody_has_yet(
    network: SimNetwork, clock: Clock, tmp_path: Path
) -> None:
    await network.inject(Assignment(fulfiller=None, delay_s=None))
    params = network.settings.auction
    agreed = {
        "domain": params.domain,
        "auctioneer": params.auctioneer,
        "executor": params.executor,
        "verifier": params.verifier,
        "treasury": params.treasury,
    }
    async with in_front_of(network, tmp_path, clock=clock, strategies=["auction"]) as front:
        reply = await front.request(await core_body(front, Dialect.AUCTION, **agreed))
        body = auction_pb2.CancelRequestRequestBody(
            nonce=await front.nonce(), request_id=reply.body.request_id
        )
        await front.call("CancelRequest", sealed(ALICE, body.SerializeToString()))
        status = await front.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert network.ledger.of(Kind.CANCELLED, reply.body.request_id)
