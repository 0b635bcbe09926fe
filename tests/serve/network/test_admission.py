"""What is not taken in, each with the status that tells an SDK to give up, and with words."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.network_room import Refused, Room, a_room
from support.serving import (
    ALICE,
    BOB,
    NOW,
    STDIN,
    ProgramFixture,
    elf_header,
    proof_body,
    real_program,
    sealed,
)

from sp1tee.errors import MalformedCall, Refusal
from sp1tee.serve.admission import Admission, AdmissionRules, read_body
from sp1tee.serve.calls import SignedCall
from sp1tee.store.records import Capability
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

V5_PROGRAM = ProgramFixture(
    vk_hash=b"\x01" * 32,
    vk=bytes(234),
    upload=encode_program(elf_header(Family.V5, 0x201514)),
)


async def refusal(room: Room, body: bytes, signer: Signer = ALICE) -> Refused:
    """Send a request that must be refused; also check that nothing of it was kept."""
    with pytest.raises(Refused) as refused:
        await room.request(body, signer)
    assert sum((await room.store.requests.counts()).values()) == 0
    assert refused.value.trailers["sp1tee-code"].startswith("SP1TEE-R")
    return refused.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vk_hash": b"\x01" * 31}, "vk_hash has 31 bytes"),
        ({"vk_hash": b""}, "vk_hash has 0 bytes"),
        ({"whitelist": [b"\x01" * 20, b"\x01" * 19]}, "whitelist entry has 19 bytes"),
        ({"whitelist": [b"\x01" * 20] * 1001}, "whitelist has 1001 entries"),
        ({"nonce": 2**64 - 1}, "nonce"),
        ({"strategy": 0}, "strategy"),
        ({"strategy": 17}, "strategy"),
        ({"stdin_uri": ""}, "stdin_uri"),
        ({"stdin_uri": "x" * 3000}, "stdin_uri"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_fields_that_mean_nothing_are_refused(
    room: Room, changes: dict[str, Any], words: str
) -> None:
    await room.register()
    refused = await refusal(room, proof_body(await room.upload_stdin(), **changes))
    assert refused.status == "INVALID_ARGUMENT"
    assert words in refused.text


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": b"\x01" * 31},
        {"auctioneer": b"\x01" * 32},
        {"executor": b"x"},
        {"verifier": b"x"},
        {"treasury": b"x"},
        {"public_values_hash": b""},
        {"public_values_hash": b"\x01" * 33},
        {"variant": types_pb2.FULFILL_VARIANT},
    ],
    ids=lambda value: str(value)[:40],
)
async def test_auction_fields_that_mean_nothing_are_refused(
    room: Room, changes: dict[str, Any]
) -> None:
    await room.register()
    body = proof_body(await room.upload_stdin(), Dialect.AUCTION, **changes)
    assert (await refusal(room, body)).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("mode", [0, 5, 99])
async def test_an_unknown_mode_is_refused_and_the_known_ones_named(room: Room, mode: int) -> None:
    await room.register()
    refused = await refusal(room, proof_body(await room.upload_stdin(), mode=mode))
    assert refused.status == "INVALID_ARGUMENT"
    assert "groth16" in refused.text


@pytest.mark.parametrize("version", ["", "v6.1.0", "sp1-v4.0.0", "sp1-v7.0.0"])
async def test_an_unknown_version_is_refused_and_the_known_ones_named(
    room: Room, version: str
) -> None:
    await room.register()
    refused = await refusal(room, proof_body(await room.upload_stdin(), version=version))
    assert refused.status == "INVALID_ARGUMENT"
    assert "sp1-v6.1.0" in refused.text


async def test_what_no_live_prover_makes_is_refused_and_what_they_make_is_named(
    room: Room,
) -> None:
    await room.register()
    room.capabilities += [
        Capability("sp1-v6.1.0", frozenset({1, 2}), mock=False),
        Capability("sp1-v5.0.0", frozenset({4}), mock=False),
    ]
    body = proof_body(await room.upload_stdin(), mode=types_pb2.GROTH16)
    refused = await refusal(room, body)
    assert refused.status == "INVALID_ARGUMENT"
    assert "sp1-v5.0.0 (groth16); sp1-v6.1.0 (core, compressed)" in refused.text


async def test_before_the_first_prover_comes_every_known_kind_is_taken(room: Room) -> None:
    await room.register()
    assert not room.capabilities
    assert await room.request(proof_body(await room.upload_stdin(), mode=types_pb2.PLONK))


@pytest.mark.parametrize("deadline", [0, int(NOW) - 1, int(NOW)])
async def test_a_deadline_that_has_passed_is_refused(room: Room, deadline: int) -> None:
    await room.register()
    refused = await refusal(room, proof_body(await room.upload_stdin(), deadline=deadline))
    assert refused.status == "INVALID_ARGUMENT"
    assert "passed" in refused.text


@pytest.mark.parametrize("deadline", [int(NOW) + 8 * 86_400, 2**64 - 1])
async def test_a_deadline_too_far_away_is_refused(room: Room, deadline: int) -> None:
    await room.register()
    refused = await refusal(room, proof_body(await room.upload_stdin(), deadline=deadline))
    assert refused.status == "INVALID_ARGUMENT"
    assert "away" in refused.text


# --- inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://prover.test/artifacts/stdin/artifact_01h455vb4pex5vsknk084sn02q",
        "http://elsewhere.test/artifacts/stdin/artifact_01h455vb4pex5vsknk084sn02q",
        "http://169.254.169.254/latest/meta-data",
        "s3://bucket/stdins/artifact_01h455vb4pex5vsknk084sn02q",
        "file:///etc/passwd",
    ],
)
async def test_an_input_that_is_not_one_of_ours_is_refused(room: Room, uri: str) -> None:
    await room.register()
    refused = await refusal(room, proof_body(uri))
    assert refused.status == "INVALID_ARGUMENT"
    assert uri not in refused.text


async def test_somebody_else_s_input_is_refused_as_if_it_did_not_exist(room: Room) -> None:
    await room.register()
    theirs = await refusal(room, proof_body(await room.upload_stdin(BOB)))
    unknown = await refusal(room, proof_body("http://prover.test/artifacts/stdin/x"))
    assert (theirs.status, theirs.text) == (unknown.status, unknown.text)


async def test_a_name_that_only_resembles_the_input_s_is_refused(room: Room) -> None:
    await room.register()
    uri = await room.upload_stdin()
    for other in (f"{uri}?", f"{uri}/", uri.replace("http:", "https:"), uri.upper()):
        assert (await refusal(room, proof_body(other))).status == "INVALID_ARGUMENT"


async def test_a_request_before_its_upload_has_finished_is_refused(room: Room) -> None:
    await room.register()
    place = await room.create_artifact()
    refused = await refusal(room, proof_body(place.artifact_uri))
    assert refused.status == "FAILED_PRECONDITION"
    await room.put(place.artifact_presigned_url, STDIN)
    assert await room.request(proof_body(place.artifact_uri))


async def test_an_input_that_is_used_up_is_refused(room: Room) -> None:
    await room.register()
    uri = await room.upload_stdin()
    await room.request(proof_body(uri))
    await room.prove()
    with pytest.raises(Refused) as refused:
        await room.request(proof_body(uri, deadline=int(NOW) + 99))
    assert refused.value.status == "FAILED_PRECONDITION"


async def test_a_program_is_no_input(room: Room) -> None:
    await room.register()
    uri = await room.upload_program(real_program())
    assert (await refusal(room, proof_body(uri))).status == "INVALID_ARGUMENT"


# --- programs ------------------------------------------------------------------------------


async def test_a_program_that_nobody_registered_is_refused(room: Room) -> None:
    refused = await refusal(room, proof_body(await room.upload_stdin()))
    assert refused.status == "NOT_FOUND"
    assert "CreateProgram" in refused.text


async def test_a_version_of_another_generation_than_the_program_is_refused(room: Room) -> None:
    await room.register(V5_PROGRAM)
    uri = await room.upload_stdin()
    refused = await refusal(room, proof_body(uri, vk_hash=V5_PROGRAM.vk_hash))
    assert refused.status == "INVALID_ARGUMENT"
    assert "v5" in refused.text
    assert await room.request(proof_body(uri, vk_hash=V5_PROGRAM.vk_hash, version="sp1-v5.0.0"))


# --- envelopes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x0a", b"\x22\x05abc", b"\x1a\x02\xff\xfe", b"\x00\x00"],
    ids=["no tag", "no length", "cut", "no text", "field 0"],
)
async def test_a_malformed_body_is_refused(room: Room, body: bytes) -> None:
    assert (await refusal(room, body)).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("envelope", [b"", b"\xff\xff", b"\x12\x41" + bytes(64)])
async def test_a_malformed_envelope_is_refused(room: Room, envelope: bytes) -> None:
    with pytest.raises(Refused) as refused:
        await room.call("RequestProof", envelope)
    assert refused.value.status == "INVALID_ARGUMENT"


async def test_a_bad_signature_is_refused(room: Room) -> None:
    await room.register()
    body = proof_body(await room.upload_stdin())
    envelope = types_pb2.SignedRequest(format=1, signature=b"\xff" * 65, body=body)
    with pytest.raises(Refused) as refused:
        await room.call("RequestProof", envelope.SerializeToString())
    assert refused.value.status == "UNAUTHENTICATED"


async def test_a_body_changed_after_signing_names_a_stranger_who_owns_no_input(room: Room) -> None:
    await room.register()
    uri = await room.upload_stdin()
    envelope = types_pb2.SignedRequest.FromString(sealed(ALICE, proof_body(uri)))
    envelope.body = proof_body(uri, cycle_limit=1)
    with pytest.raises(Refused) as refused:
        await room.call("RequestProof", envelope.SerializeToString())
    assert refused.value.status == "INVALID_ARGUMENT"


async def test_what_is_signed_may_be_odd_and_is_kept_as_it_came(room: Room) -> None:
    await room.register()
    odd = proof_body(await room.upload_stdin()) + b"\xba\x3e\x03new"  # field 999
    reply = await room.request(odd)
    record = await room.store.requests.get(reply.body.request_id)
    assert record is not None
    assert record.body == odd


@given(st.binary(max_size=300))
def test_any_body_is_read_or_refused(data: bytes) -> None:
    try:
        read_body(data)
    except MalformedCall:
        return


@given(st.binary(max_size=300))
def test_any_registration_or_cancellation_is_read_or_refused(data: bytes) -> None:
    rules = AdmissionRules(("reserved",), 60)
    admission = Admission(rules, None, list, lambda: NOW)  # type: ignore[arg-type]
    signed = SignedCall(ALICE.address, bytes(65), data)
    for check in (admission.program, admission.cancel):
        with contextlib.suppress(Refusal):
            check(signed)


# --- who and how much ----------------------------------------------------------------------


async def test_only_accounts_on_the_allow_list_are_served(tmp_path: Path) -> None:
    allowed = f"0x{ALICE.address.hex()}"
    async with a_room(tmp_path, allow_requesters=[allowed]) as room:
        await room.register()
        assert await room.request(proof_body(await room.upload_stdin()))
        with pytest.raises(Refused) as refused:
            await room.create_artifact(BOB)
    assert refused.value.status == "PERMISSION_DENIED"
    assert "allow_requesters" in refused.value.text


@pytest.mark.parametrize(
    ("method", "service"),
    [("GetNonce", "network.ProverNetwork"), ("CreateArtifact", "artifact.ArtifactStore")],
)
async def test_every_call_needs_the_bearer_token_where_one_is_set(
    tmp_path: Path, method: str, service: str
) -> None:
    token = "a-token-for-requesters"
    async with a_room(tmp_path, bearer_token=token) as room:
        for given_token in (None, "another-token-of-theirs"):
            with pytest.raises(Refused) as refused:
                await room.call(method, b"", token=given_token, service=service)
            assert refused.value.status == "UNAUTHENTICATED"
        with pytest.raises(Refused) as refused:
            await room.call(method, b"", token=token, service=service)
        assert refused.value.text
        assert "token" not in refused.value.text


async def test_a_token_that_nobody_asked_for_is_ignored(room: Room) -> None:
    ask = types_pb2.GetNonceRequest(address=ALICE.address).SerializeToString()
    assert await room.call("GetNonce", ask, token="unasked-for-token") == b""


async def test_an_account_may_have_so_many_open_requests(tmp_path: Path) -> None:
    async with a_room(tmp_path, max_open_requests=2) as room:
        await room.register()
        await room.register(signer=BOB)
        for _ in range(2):
            await room.request(proof_body(await room.upload_stdin()))
        with pytest.raises(Refused) as refused:
            await room.request(proof_body(await room.upload_stdin()))
        assert refused.value.status == "RESOURCE_EXHAUSTED"
        assert await room.request(proof_body(await room.upload_stdin(BOB)), BOB)
        await room.prove()
        assert await room.request(proof_body(await room.upload_stdin()))


async def test_an_account_may_have_so_many_unused_upload_places(tmp_path: Path) -> None:
    async with a_room(tmp_path, max_open_requests=2) as room:
        for _ in range(2):
            await room.create_artifact()
        with pytest.raises(Refused) as refused:
            await room.create_artifact()
        assert refused.value.status == "RESOURCE_EXHAUSTED"
        assert await room.create_artifact(BOB)


async def test_an_account_may_keep_so_many_bytes(tmp_path: Path) -> None:
    async with a_room(tmp_path, max_requester_bytes=len(STDIN)) as room:
        await room.upload_stdin()
        with pytest.raises(Refused) as refused:
            await room.create_artifact()
    assert refused.value.status == "RESOURCE_EXHAUSTED"


async def test_strategies_can_be_narrowed(tmp_path: Path) -> None:
    async with a_room(tmp_path, strategies=["reserved"]) as room:
        await room.register()
        body = proof_body(await room.upload_stdin(), strategy=types_pb2.HOSTED)
        refused = await refusal(room, body)
    assert refused.status == "INVALID_ARGUMENT"
    assert "hosted" in refused.text
    assert "reserved" in refused.text
