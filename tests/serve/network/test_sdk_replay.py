"""What the unmodified Rust SDK sent, sent again to our servicers, byte for byte.

The recordings name artifacts of the server they were made with, so those artifacts are put in
place under the recorded names; of programs only the beginning was recorded, so another one that
fits the recorded key takes its place.
"""

from pathlib import Path

import pytest
from support.network_room import Refused, Room, a_room, seal
from support.serving import Clock, elf_header
from support.wire_data import RECORDINGS, recorded_requests, recording

from sp1tee.store.records import State
from sp1tee.wire.artifacts import pack
from sp1tee.wire.ids import new_id
from sp1tee.wire.keys import VK_V6_SIZE, parse_vk_v6
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer, checksum_address
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("name", RECORDINGS)]

REQUESTER = Signer.from_bytes(b"\x11" * 32)
V5_ENTRY = 0x201514


def signed_body(name: str, method: str) -> bytes:
    (request,) = recorded_requests(name, method)
    return types_pb2.SignedRequest.FromString(request).body


def recorded_program(name: str) -> types_pb2.CreateProgramRequestBody:
    return types_pb2.CreateProgramRequestBody.FromString(signed_body(name, "CreateProgram"))


def recorded_proof_request(name: str) -> types_pb2.RequestProofRequestBody:
    """The fields that both dialects share."""
    return types_pb2.RequestProofRequestBody.FromString(signed_body(name, "RequestProof"))


def program_that_fits(name: str) -> bytes:
    vk = recorded_program(name).vk
    if len(vk) == VK_V6_SIZE:
        entry = parse_vk_v6(vk).pc_start_address
        return pack(encode_program(elf_header(Family.V6, entry)), Family.V6)
    return encode_program(elf_header(Family.V5, V5_ENTRY))


async def put_in_place(room: Room, kind: str, uri: str, data: bytes) -> None:
    token_hash = new_id("token").encode()[:32]
    artifact = await room.store.artifacts.create(
        "program" if kind == "program" else "stdin",
        REQUESTER.address,
        uri=uri,
        token_hash=token_hash,
        expires_at=room.clock() + 3600,
    )
    await room.store.artifacts.uploaded(artifact.id, token_hash, await seal(room.store, kind, data))


async def replay(room: Room, name: str) -> types_pb2.RequestProofResponse:
    """Send everything up to RequestProof, in the recorded order."""
    stdin = bytes.fromhex(recording(name)["puts"][1]["body"])
    await put_in_place(room, "program", recorded_program(name).program_uri, program_that_fits(name))
    await put_in_place(room, "stdin", recorded_proof_request(name).stdin_uri, stdin)
    reply = b""
    for rpc in recording(name)["rpcs"]:
        service, method = rpc["method"].strip("/").split("/")
        if method in ("GetProgram", "GetProofRequestStatus"):
            continue
        reply = await room.call(method, bytes.fromhex(rpc["request"]), service=service)
        if method == "CreateArtifact":
            place = artifact_pb2.CreateArtifactResponse.FromString(reply)
            assert place.artifact_uri.rpartition("/")[2] in place.artifact_presigned_url
        elif method == "GetProofRequestParams":
            check_params(auction_pb2.GetProofRequestParamsResponse.FromString(reply))
        elif method == "GetProversByUptime":
            provers = auction_pb2.GetProversByUptimeResponse.FromString(reply).provers
            assert [len(prover) for prover in provers] == [20]
    return types_pb2.RequestProofResponse.FromString(reply)


def check_params(params: auction_pb2.GetProofRequestParamsResponse) -> None:
    """What an SDK panics without."""
    assert len(params.domain) == 32
    for address in (params.auctioneer, params.executor, params.verifier, params.treasury):
        assert len(address) == 20
    assert int(params.base_fee) >= 0
    assert int(params.max_price_per_pgu) > 0


def before_the_deadline(name: str) -> Clock:
    return Clock(recorded_proof_request(name).deadline - 300.0)


@pytest.mark.parametrize("server", ["h2corn", "grpc.aio"])
async def test_a_recorded_prove_gets_what_the_sdk_needs(
    tmp_path: Path, name: str, server: str
) -> None:
    async with a_room(tmp_path, clock=before_the_deadline(name), server=server) as room:
        reply = await replay(room, name)
        assert len(reply.tx_hash) == len(reply.body.request_id) == 32
        waiting = await room.status(reply.body.request_id)
        assert waiting.fulfillment_status == types_pb2.ASSIGNED
        assert waiting.execution_status == types_pb2.UNEXECUTED
        assert waiting.deadline > room.clock()
        await room.prove()
        done = await room.status(reply.body.request_id)
        assert done.fulfillment_status == types_pb2.FULFILLED
        assert done.proof_uri.startswith("http")


async def test_the_recorded_request_is_kept_to_the_last_byte(tmp_path: Path, name: str) -> None:
    async with a_room(tmp_path, clock=before_the_deadline(name)) as room:
        reply = await replay(room, name)
        record = await room.store.requests.get(reply.body.request_id)
    assert record is not None
    (request,) = recorded_requests(name, "RequestProof")
    envelope = types_pb2.SignedRequest.FromString(request)
    assert (record.body, record.signature) == (envelope.body, envelope.signature)
    assert record.requester == REQUESTER.address
    assert record.state is State.QUEUED
    assert record.nonce == 7


async def test_a_worker_gets_the_recorded_input_as_it_was_uploaded(
    tmp_path: Path, name: str
) -> None:
    async with a_room(tmp_path, clock=before_the_deadline(name)) as room:
        await replay(room, name)
        leased = await room.lease()
        stored = b"".join([chunk async for chunk in room.store.vault.read(leased.stdin.blob or "")])
    assert stored.hex() == recording(name)["puts"][1]["body"]


async def test_an_open_server_has_the_sdk_register_its_program_each_time(
    tmp_path: Path, name: str
) -> None:
    (ask,) = recorded_requests(name, "GetProgram")
    async with a_room(tmp_path, clock=before_the_deadline(name)) as room:
        await replay(room, name)
        with pytest.raises(Refused) as refused:
            await room.call("GetProgram", ask)
    assert refused.value.status == "NOT_FOUND"


async def test_a_closed_server_shows_the_sdk_what_is_registered(tmp_path: Path, name: str) -> None:
    (ask,) = recorded_requests(name, "GetProgram")
    served = [checksum_address(REQUESTER.address)]
    clock = before_the_deadline(name)
    async with a_room(tmp_path, clock=clock, allow_requesters=served) as room:
        await replay(room, name)
        shown = types_pb2.GetProgramResponse.FromString(await room.call("GetProgram", ask))
    assert shown.program.vk == recorded_program(name).vk
    assert shown.program.program_uri == recorded_program(name).program_uri
