"""What the network refuses, rule by rule."""

from collections.abc import Awaitable
from typing import Any

import pytest
from google.protobuf.message import Message
from support.network_peer import (
    VK,
    VK_HASH,
    Clock,
    Peer,
    Refused,
    auction_body,
    base_body,
    mock_core,
)
from support.wire_data import SAMPLE_VK_HASH, key, real_proof, sample

from sp1tee.sim.network import Assignment, BurnNonce, SimNetwork, SimSettings
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

REQUEST_ID = b"\x01" * 32
NONCE_ZERO = b"\x08\x00"
UNKNOWN_FIELD = b"\xf8\x07\x01"  # field 127, varint 1


UNSIGNED = ("CreateArtifact", "GetNonce", "GetProgram", "GetProofRequestStatus")


@pytest.fixture
async def ready(sim: SimNetwork, requester: Peer) -> Peer:
    """A requester whose program is registered."""
    sim.put_program(VK_HASH, VK, b"program")
    return requester


def send(peer: Peer, method: str, message: Message | bytes) -> Awaitable[Any]:
    """Send a message; an encoded body is signed as it is, a decoded one with the right nonce."""
    if isinstance(message, bytes):
        return peer.ask(method, peer.seal(message))
    if method in UNSIGNED or isinstance(message, types_pb2.SignedRequest):
        return peer.ask(method, message)
    return peer.send(method, message)


async def refusal(peer: Peer, method: str, message: Message | bytes) -> tuple[str, str]:
    """Send a message and return what it is refused with."""
    with pytest.raises(Refused) as refused:
        await send(peer, method, message)
    return refused.value.status, refused.value.message


async def params(peer: Peer) -> auction_pb2.GetProofRequestParamsResponse:
    ask = auction_pb2.GetProofRequestParamsRequest(mode=types_pb2.CORE)
    return await peer.ask("GetProofRequestParams", ask)


async def opened(peer: Peer, **changes: Any) -> bytes:
    return await peer.request(base_body(**changes))


# --- encodings and signatures


async def test_a_format_other_than_binary_is_refused(ready: Peer):
    envelope = ready.seal(base_body())
    envelope.format = types_pb2.JSON
    assert await refusal(ready, "RequestProof", envelope) == (
        "INVALID_ARGUMENT",
        "failed to verify signature: invalid message format",
    )


async def test_a_body_with_unknown_fields_is_refused(ready: Peer):
    body = base_body().SerializeToString() + UNKNOWN_FIELD
    _, message = await refusal(ready, "RequestProof", body)
    assert "not canonically encoded, or has unknown fields" in message


async def test_a_body_with_a_default_written_out_is_refused(ready: Peer):
    body = NONCE_ZERO + base_body().SerializeToString()
    _, message = await refusal(ready, "RequestProof", body)
    assert "not canonically encoded" in message


async def test_a_body_with_fields_out_of_order_is_refused(ready: Peer):
    encoded = base_body(gas_limit=0).SerializeToString()
    gas_limit = b"\x48\x01"
    _, message = await refusal(ready, "RequestProof", gas_limit + encoded)
    assert "not canonically encoded" in message


async def test_a_body_with_a_field_given_twice_is_refused(ready: Peer):
    encoded = base_body(gas_limit=1).SerializeToString()
    _, message = await refusal(ready, "RequestProof", encoded + b"\x48\x01")
    assert "not canonically encoded" in message


async def test_a_body_with_an_overlong_varint_is_refused(ready: Peer):
    encoded = base_body(gas_limit=0).SerializeToString()
    _, message = await refusal(ready, "RequestProof", encoded + b"\x48\x81\x00")
    assert "not canonically encoded" in message


async def test_an_envelope_with_unknown_fields_is_refused(ready: Peer):
    data = ready.seal(base_body()).SerializeToString() + UNKNOWN_FIELD
    with pytest.raises(Refused, match="SignedRequest is not canonically encoded"):
        await ready.send_raw("RequestProof", data)


async def test_bytes_that_are_no_message_are_refused(ready: Peer):
    with pytest.raises(Refused, match="failed to decode SignedRequest"):
        await ready.send_raw("RequestProof", b"\xff\xff")


async def test_an_auction_field_in_a_base_body_is_refused(ready: Peer):
    body = auction_body(await params(ready), strategy=types_pb2.RESERVED)
    _, message = await refusal(ready, "RequestProof", body)
    assert "not canonically encoded, or has unknown fields" in message


async def test_a_base_body_that_says_auction_has_no_domain(ready: Peer):
    _, message = await refusal(ready, "RequestProof", base_body(strategy=types_pb2.AUCTION))
    assert message == "domain must have 32 bytes, got 0"


async def test_an_error_trace_in_a_base_failure_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready)
    body = auction_pb2.FailFulfillmentRequestBody(request_id=request_id, error_trace=b"{}")
    _, message = await refusal(fulfiller, "FailFulfillment", body)
    assert "not canonically encoded, or has unknown fields" in message


@pytest.mark.parametrize("v", [0, 1, 54, 55])
async def test_a_body_signature_with_another_v_than_27_or_28_is_refused(ready: Peer, v: int):
    envelope = ready.seal(base_body())
    envelope.signature = envelope.signature[:-1] + bytes([v])
    _, message = await refusal(ready, "RequestProof", envelope)
    assert message == "failed to verify signature: invalid signature"


async def test_a_signature_over_the_envelope_instead_of_the_body_names_another_signer(
    sim: SimNetwork, ready: Peer
):
    """No key made it on purpose, so whoever it names has never been seen."""
    await sim.inject(BurnNonce(address=ready.signer.address))
    body = base_body(nonce=1)
    envelope = ready.seal(body)
    envelope.signature = ready.signer.sign(envelope.SerializeToString())
    status, message = await refusal(ready, "RequestProof", envelope)
    assert (status, "expected 0, got 1" in message) == ("ABORTED", True)


@pytest.mark.parametrize("size", [0, 64, 66])
async def test_a_signature_of_a_wrong_length_is_refused(ready: Peer, size: int):
    envelope = ready.seal(base_body())
    envelope.signature = bytes(size)
    _, message = await refusal(ready, "RequestProof", envelope)
    assert message == "failed to verify signature: invalid signature"


async def test_an_artifact_is_given_to_nobody_without_a_signature(requester: Peer):
    ask = artifact_pb2.CreateArtifactRequest(signature=bytes(65), artifact_type=2)
    _, message = await refusal(requester, "CreateArtifact", ask)
    assert message == "failed to verify signature: invalid signature"


@pytest.mark.parametrize("kind", [0, 5, 6, 8])
async def test_an_artifact_of_a_kind_that_is_not_stored_is_refused(requester: Peer, kind: int):
    with pytest.raises(Refused, match="unsupported artifact type"):
        await requester.place(kind)


# --- nonces


@pytest.mark.parametrize("nonce", [0, 2, 2**64 - 1])
async def test_a_nonce_that_is_not_exactly_the_next_is_refused(
    sim: SimNetwork, ready: Peer, nonce: int
):
    await sim.inject(BurnNonce(address=ready.signer.address))
    status, message = await refusal(ready, "RequestProof", ready.seal(base_body(nonce=nonce)))
    assert status == "ABORTED"
    assert message.startswith("failed nonce verification: invalid nonce for sender 0x")
    assert message.endswith(f"expected 1, got {nonce}")


async def test_an_envelope_is_accepted_once(ready: Peer):
    envelope = ready.seal(base_body())
    await ready.ask("RequestProof", envelope)
    status, _ = await refusal(ready, "RequestProof", envelope)
    assert status == "ABORTED"


async def test_one_nonce_counts_for_all_methods(ready: Peer):
    await opened(ready)
    uri = await ready.upload(artifact_pb2.PROGRAM, b"program")
    body = types_pb2.CreateProgramRequestBody(nonce=0, vk_hash=b"\x05" * 32, vk=VK, program_uri=uri)
    status, _ = await refusal(ready, "CreateProgram", ready.seal(body))
    assert status == "ABORTED"


async def test_a_refused_call_uses_up_no_nonce(ready: Peer):
    await refusal(ready, "RequestProof", base_body(stdin_uri=""))
    assert await ready.nonce() == 0


class TestWithOtherStatuses:
    """The real network's statuses are partly a guess, so they can be chosen."""

    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(
            fulfiller=key("test_key_2").address,
            stale_nonce="UNAVAILABLE",
            wrong_state="FAILED_PRECONDITION",
        )

    async def test_a_stale_nonce_has_the_chosen_status(self, ready: Peer):
        status, _ = await refusal(ready, "RequestProof", ready.seal(base_body(nonce=3)))
        assert status == "UNAVAILABLE"

    async def test_a_second_proof_has_the_chosen_status(self, ready: Peer, fulfiller: Peer):
        request_id = await opened(ready)
        body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=mock_core())
        await fulfiller.send("FulfillProof", body)
        status, _ = await refusal(fulfiller, "FulfillProof", body)
        assert status == "FAILED_PRECONDITION"


# --- programs


async def test_a_v6_key_must_hash_to_its_name(requester: Peer):
    uri = await requester.upload(artifact_pb2.PROGRAM, b"program")
    body = types_pb2.CreateProgramRequestBody(
        vk_hash=VK_HASH, vk=sample("-vk.bin"), program_uri=uri
    )
    assert await refusal(requester, "CreateProgram", body) == (
        "INVALID_ARGUMENT",
        "vk_hash is not the hash of vk",
    )
    body.vk_hash = SAMPLE_VK_HASH
    await requester.send("CreateProgram", body)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vk_hash": b"short"}, "vk_hash must have 32 bytes, got 5"),
        ({"vk": b""}, "vk must not be empty"),
        ({"vk": b"\xff" * 104}, "failed to decode vk"),
        ({"program_uri": ""}, "program_uri must be a URI"),
    ],
)
async def test_a_malformed_program_is_refused(
    requester: Peer, changes: dict[str, Any], message: str
):
    fields = {"vk_hash": VK_HASH, "vk": VK, "program_uri": "https://example.org/program"}
    body = types_pb2.CreateProgramRequestBody(**(fields | changes))
    status, said = await refusal(requester, "CreateProgram", body)
    assert status == "INVALID_ARGUMENT"
    assert said.startswith(message)


async def test_a_program_that_was_not_uploaded_is_refused(requester: Peer):
    placed = await requester.place(artifact_pb2.PROGRAM)
    body = types_pb2.CreateProgramRequestBody(
        vk_hash=VK_HASH, vk=VK, program_uri=placed.artifact_uri
    )
    _, message = await refusal(requester, "CreateProgram", body)
    assert message == "artifact was not uploaded"


async def test_a_program_cannot_be_registered_twice(requester: Peer):
    await requester.register()
    with pytest.raises(Refused, match="program already exists"):
        await requester.register()


# --- requests


async def test_a_request_for_an_unknown_program_is_refused(requester: Peer):
    status, message = await refusal(requester, "RequestProof", base_body())
    assert (status, message) == ("NOT_FOUND", "program not found")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vk_hash": b""}, "vk_hash must have 32 bytes, got 0"),
        ({"version": "v6.1.0"}, "unsupported version or mode"),
        ({"mode": 0}, "unsupported version or mode"),
        ({"mode": 5}, "unsupported version or mode"),
        ({"strategy": 0}, "unknown fulfillment strategy"),
        ({"strategy": 4}, "unknown fulfillment strategy"),
        ({"stdin_uri": ""}, "stdin_uri must be a URI"),
        ({"stdin_uri": "artifact_01"}, "stdin_uri must be a URI"),
        ({"deadline": 1_800_000_000}, "deadline must be in the future"),
        ({"whitelist": [b"\x01" * 19]}, "whitelist item must have 20 bytes, got 19"),
        ({"stdin_private": True}, "private stdin must be under private-stdins/"),
    ],
)
async def test_a_malformed_request_is_refused(ready: Peer, changes: dict[str, Any], message: str):
    status, said = await refusal(ready, "RequestProof", base_body(**changes))
    assert status == "INVALID_ARGUMENT"
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain": b"\x01" * 32}, "domain mismatch"),
        ({"domain": b"\x01" * 31}, "domain must have 32 bytes, got 31"),
        ({"auctioneer": b"\x01" * 20}, "auctioneer mismatch"),
        ({"executor": b"\x01" * 20}, "executor mismatch"),
        ({"verifier": b""}, "verifier must have 20 bytes, got 0"),
        ({"treasury": b"\x01" * 20}, "treasury mismatch"),
        ({"public_values_hash": b""}, "public_values_hash must have 32 bytes, got 0"),
        ({"base_fee": ""}, "prices must be decimal numbers"),
        ({"max_price_per_pgu": "-1"}, "prices must be decimal numbers"),
        ({"variant": types_pb2.BID_VARIANT}, "invalid transaction variant"),
    ],
)
async def test_an_auction_request_that_disagrees_is_refused(
    ready: Peer, changes: dict[str, Any], message: str
):
    body = auction_body(await params(ready), **changes)
    assert await refusal(ready, "RequestProof", body) == ("INVALID_ARGUMENT", message)


async def test_an_input_of_the_networks_own_store_must_have_been_uploaded(ready: Peer):
    placed = await ready.place(artifact_pb2.STDIN)
    body = base_body(stdin_uri=placed.artifact_uri)
    _, message = await refusal(ready, "RequestProof", body)
    assert message == "artifact was not uploaded"


@pytest.mark.parametrize(
    ("method", "ask", "message"),
    [
        ("GetNonce", types_pb2.GetNonceRequest(), "address must have 20 bytes, got 0"),
        ("GetProgram", types_pb2.GetProgramRequest(), "vk_hash must have 32 bytes, got 0"),
        (
            "GetProofRequestStatus",
            types_pb2.GetProofRequestStatusRequest(),
            "request_id must have 32 bytes, got 0",
        ),
    ],
)
async def test_a_question_with_a_wrong_length_is_refused(
    requester: Peer, method: str, ask: Message, message: str
):
    assert await refusal(requester, method, ask) == ("INVALID_ARGUMENT", message)


async def test_the_status_of_an_unknown_request_is_not_found(requester: Peer):
    ask = types_pb2.GetProofRequestStatusRequest(request_id=REQUEST_ID)
    status, _ = await refusal(requester, "GetProofRequestStatus", ask)
    assert status == "NOT_FOUND"


async def test_a_method_the_network_does_not_have_is_unimplemented(requester: Peer):
    with pytest.raises(Refused) as refused:
        await requester.send_raw("TakeNextProofRequest", b"")
    assert refused.value.status == "UNIMPLEMENTED"


# --- fulfilment


async def try_fulfill(peer: Peer, request_id: bytes, proof: bytes) -> tuple[str, str]:
    body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=proof)
    return await refusal(peer, "FulfillProof", body)


async def test_a_proof_for_an_unknown_request_is_not_found(fulfiller: Peer):
    status, _ = await try_fulfill(fulfiller, REQUEST_ID, mock_core())
    assert status == "NOT_FOUND"


async def test_a_proof_from_somebody_else_than_the_fulfiller_is_refused(ready: Peer):
    request_id = await opened(ready)
    assert await try_fulfill(ready, request_id, mock_core()) == (
        "PERMISSION_DENIED",
        "signer is not the fulfiller",
    )


async def test_a_proof_for_a_request_that_nobody_has_is_refused(
    sim: SimNetwork, ready: Peer, fulfiller: Peer
):
    await sim.inject(Assignment(fulfiller=fulfiller.signer.address, delay_s=None))
    request_id = await opened(ready)
    status, _ = await try_fulfill(fulfiller, request_id, mock_core())
    assert status == "PERMISSION_DENIED"


async def test_a_second_proof_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready)
    body = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=mock_core())
    await fulfiller.send("FulfillProof", body)
    assert await try_fulfill(fulfiller, request_id, mock_core()) == (
        "INVALID_ARGUMENT",
        "proof request is not in the assigned state",
    )


async def test_a_proof_after_the_deadline_is_refused(ready: Peer, fulfiller: Peer, clock: Clock):
    request_id = await opened(ready, deadline=int(clock()) + 10)
    clock.now += 10
    _, message = await try_fulfill(fulfiller, request_id, mock_core())
    assert message == "proof request is not in the assigned state"


async def test_bytes_that_are_no_proof_are_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready)
    _, message = await try_fulfill(fulfiller, request_id, b"no proof at all")
    assert message.startswith("failed to decode proof")


async def test_a_proof_of_another_mode_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready, mode=types_pb2.GROTH16)
    _, message = await try_fulfill(fulfiller, request_id, mock_core())
    assert message == "proof is not of the requested mode"


async def test_a_proof_of_another_version_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready, version="sp1-v5.0.0")
    _, message = await try_fulfill(fulfiller, request_id, mock_core())
    assert message == "proof is not of the requested version"


async def test_a_proof_of_another_program_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready, mode=types_pb2.GROTH16)
    other = mock_proof(Mode.GROTH16, Family.V6, bytes(31) + b"\x09", b"values").encode_network()
    _, message = await try_fulfill(fulfiller, request_id, other)
    assert message == "failed to verify proof: The proof is of another program."


async def test_a_proof_of_other_public_values_than_simulated_is_refused(
    ready: Peer, fulfiller: Peer
):
    told = await params(ready)
    request_id = await ready.request(auction_body(told))
    body = auction_pb2.FulfillProofRequestBody(
        request_id=request_id,
        proof=mock_core(b"other values"),
        domain=told.domain,
        variant=types_pb2.FULFILL_VARIANT,
    )
    _, message = await refusal(fulfiller, "FulfillProof", body)
    assert message == "public values mismatch"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domain": b"\x01" * 32}, "domain mismatch"),
        ({"domain": b""}, "domain must have 32 bytes, got 0"),
        ({"variant": types_pb2.REQUEST_VARIANT}, "invalid transaction variant"),
    ],
)
async def test_an_auction_proof_that_disagrees_is_refused(
    ready: Peer, fulfiller: Peer, changes: dict[str, Any], message: str
):
    told = await params(ready)
    request_id = await ready.request(auction_body(told))
    fields = {"domain": told.domain, "variant": types_pb2.FULFILL_VARIANT}
    body = auction_pb2.FulfillProofRequestBody(
        request_id=request_id, proof=mock_core(), **(fields | changes)
    )
    assert await refusal(fulfiller, "FulfillProof", body) == ("INVALID_ARGUMENT", message)


async def test_a_failure_for_a_reason_that_does_not_exist_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready)
    body = types_pb2.FailFulfillmentRequestBody(request_id=request_id, error=7)
    _, message = await refusal(fulfiller, "FailFulfillment", body)
    assert message == "unknown proof request error"


async def test_a_failure_after_a_proof_is_refused(ready: Peer, fulfiller: Peer):
    request_id = await opened(ready)
    proof = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=mock_core())
    await fulfiller.send("FulfillProof", proof)
    failure = types_pb2.FailFulfillmentRequestBody(request_id=request_id)
    _, message = await refusal(fulfiller, "FailFulfillment", failure)
    assert message == "proof request is not in the assigned state"


@pytest.mark.parametrize("mode", ["core", "compressed"])
async def test_a_real_proof_is_accepted(
    sim: SimNetwork, requester: Peer, fulfiller: Peer, mode: str
):
    sim.put_program(SAMPLE_VK_HASH, sample("-vk.bin"), b"program")
    body = base_body(vk_hash=SAMPLE_VK_HASH, mode=Mode.parse(mode).value)
    request_id = await requester.request(body)
    await fulfiller.send(
        "FulfillProof",
        types_pb2.FulfillProofRequestBody(request_id=request_id, proof=real_proof(mode)),
    )
    status = await requester.status(request_id)
    assert status.fulfillment_status == types_pb2.FULFILLED


class TestWithoutMocks:
    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(fulfiller=key("test_key_2").address, refuse_mocks=True)

    async def test_a_mock_is_refused(self, ready: Peer, fulfiller: Peer):
        request_id = await opened(ready)
        _, message = await try_fulfill(fulfiller, request_id, mock_core())
        assert message == "failed to verify proof: it is a mock"


# --- cancelling, private inputs


async def test_only_its_requester_can_cancel_a_request(
    sim: SimNetwork, ready: Peer, fulfiller: Peer
):
    await sim.inject(Assignment(fulfiller=None))
    request_id = await ready.request(auction_body(await params(ready)))
    body = auction_pb2.CancelRequestRequestBody(request_id=request_id)
    assert await refusal(fulfiller, "CancelRequest", body) == (
        "PERMISSION_DENIED",
        "signer is not the requester",
    )


async def test_a_base_request_cannot_be_cancelled(ready: Peer):
    body = auction_pb2.CancelRequestRequestBody(request_id=await opened(ready))
    _, message = await refusal(ready, "CancelRequest", body)
    assert message == "only auction requests can be cancelled"


async def test_a_request_that_somebody_has_cannot_be_cancelled(ready: Peer):
    request_id = await ready.request(auction_body(await params(ready)))
    body = auction_pb2.CancelRequestRequestBody(request_id=request_id)
    _, message = await refusal(ready, "CancelRequest", body)
    assert message == "proof request is not in the requested state"


async def test_a_private_input_is_given_to_nobody_else(sim: SimNetwork, ready: Peer):
    stdin_uri = await ready.upload(artifact_pb2.PRIVATE_STDIN, b"an input")
    request_id = await opened(ready, stdin_uri=stdin_uri, stdin_private=True)
    body = types_pb2.GetStdinUriRequestBody(request_id=request_id)
    async with Peer(sim.url, type(ready.signer).from_hex("11" * 32)) as stranger:
        status, _ = await refusal(stranger, "GetStdinUri", body)
    assert status == "PERMISSION_DENIED"


async def test_an_input_that_is_not_private_has_no_secret_place(ready: Peer):
    request_id = await opened(ready)
    body = types_pb2.GetStdinUriRequestBody(request_id=request_id)
    _, message = await refusal(ready, "GetStdinUri", body)
    assert message == "the stdin is not private"
