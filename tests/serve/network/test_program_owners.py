"""Whose program a request runs: nobody else's may get hold of a private input."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.network_room import Refused, Room, a_room
from support.serving import (
    ALICE,
    BOB,
    PUBLIC_URL,
    ProgramFixture,
    another_program,
    elf_header,
    program_body,
    proof_body,
    real_program,
    sealed,
)
from support.wire_data import sample

from sp1tee.store.records import Artifact
from sp1tee.wire.artifacts import pack, unpack
from sp1tee.wire.keys import parse_vk_v6
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.program import decode_program, encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

MALLORY = Signer.from_bytes(b"\x0d" * 32)
TOKEN = "a-token-for-those-who-are-served"


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Room]:
    """A server whose operator chose who may call."""
    everybody = [signer.address.hex() for signer in (ALICE, BOB, MALLORY)]
    async with a_room(tmp_path, allow_requesters=everybody) as room:
        yield room


async def leased_elf(room: Room, signer: Signer) -> bytes:
    """Have a request proved; what its worker gets as the program."""
    await room.request(proof_body(await room.upload_stdin(signer)), signer)
    program = (await room.lease()).program
    return b"".join([chunk async for chunk in room.store.vault.read(program.blob)])


async def shown(room: Room, token: str | None = None) -> types_pb2.Program:
    ask = types_pb2.GetProgramRequest(vk_hash=real_program().vk_hash).SerializeToString()
    answer = await room.call("GetProgram", ask, token=token)
    return types_pb2.GetProgramResponse.FromString(answer).program


async def is_unknown(room: Room, token: str | None = None) -> bool:
    with pytest.raises(Refused) as refused:
        await shown(room, token)
    return refused.value.status == "NOT_FOUND"


async def used(room: Room, signer: Signer = ALICE) -> int:
    return (await room.store.requests.usage(signer.address)).bytes


async def upload(room: Room, uri: str) -> Artifact:
    artifact = await room.store.artifacts.by_uri(uri)
    assert artifact is not None
    return artifact


def elf_of(program: ProgramFixture) -> bytes:
    return decode_program(unpack(program.upload, 1 << 20), 1 << 20)


# --- another's program under one's key -------------------------------------------------------


async def test_an_input_never_runs_in_the_program_that_another_registered_under_its_key(
    room: Room,
) -> None:
    await room.register(another_program("Mallory's"), MALLORY)
    assert await is_unknown(room)

    await room.register(real_program(), ALICE)
    assert await leased_elf(room, ALICE) == sample(".elf")
    assert await leased_elf(room, MALLORY) == elf_of(another_program("Mallory's"))


async def test_a_key_that_cannot_be_read_protects_as_well(room: Room) -> None:
    theirs, ours = (
        ProgramFixture(b"\x01" * 32, bytes(234), encode_program(elf_header(Family.V5, entry)))
        for entry in (0x201514, 0x201518)
    )
    await room.register(theirs, MALLORY)
    await room.register(ours, ALICE)
    uri = await room.upload_stdin()
    await room.request(proof_body(uri, vk_hash=ours.vk_hash, version="sp1-v5.0.0"))
    program = (await room.lease()).program
    assert program.size == len(elf_header(Family.V5, 0))
    assert program.owner == ALICE.address


async def test_an_open_server_lets_nobody_use_what_another_registered(room: Room) -> None:
    await room.register(signer=BOB)
    with pytest.raises(Refused) as refused:
        await room.request(proof_body(await room.upload_stdin()))
    assert refused.value.status == "NOT_FOUND"
    assert "CreateProgram" in refused.value.text


async def test_an_open_server_shows_not_even_the_owner_a_program(room: Room) -> None:
    await room.register()
    assert await is_unknown(room)


async def test_a_request_keeps_its_program_over_a_restart(tmp_path: Path) -> None:
    async with a_room(tmp_path) as room:
        await room.register(another_program(), MALLORY)
        await room.register()
        await room.request(proof_body(await room.upload_stdin()))
    async with a_room(tmp_path) as room:
        leased = await room.lease()
        assert leased.program.owner == leased.record.program_owner == ALICE.address
        assert await leased_elf(room, MALLORY) == elf_of(another_program())


async def test_details_show_the_request_s_own_program(room: Room) -> None:
    await room.register(another_program(), MALLORY)
    uri = await room.upload_program(real_program())
    await room.call("CreateProgram", sealed(ALICE, program_body(real_program(), uri)))
    reply = await room.request(proof_body(await room.upload_stdin()))
    ask = types_pb2.GetProofRequestDetailsRequest(request_id=reply.body.request_id)
    details = await room.ask(
        "GetProofRequestDetails", ask, types_pb2.GetProofRequestDetailsResponse
    )
    assert types_pb2.ProofRequest.FromString(details.request).program_uri == uri


# --- where the operator chose who may call -----------------------------------------------------


async def test_a_closed_server_shows_a_program_once_somebody_registered_it(closed: Room) -> None:
    assert await is_unknown(closed)
    program = await closed.register(signer=BOB)
    found = await shown(closed)
    assert (found.vk_hash, found.vk) == (program.vk_hash, program.vk)
    assert found.owner == BOB.address
    assert found.program_uri.startswith(f"{PUBLIC_URL}/artifacts/program/")


async def test_accounts_of_a_closed_server_use_each_other_s_programs(closed: Room) -> None:
    await closed.register(signer=BOB)
    assert await leased_elf(closed, ALICE) == sample(".elf")


async def test_a_token_closes_a_server_as_well(tmp_path: Path) -> None:
    async with a_room(tmp_path, bearer_token=TOKEN) as room:
        assert await is_unknown(room, TOKEN)
        uri = await room.upload_program(real_program(), BOB, token=TOKEN)
        body = program_body(real_program(), uri)
        await room.call("CreateProgram", sealed(BOB, body), token=TOKEN)
        assert (await shown(room, TOKEN)).owner == BOB.address


async def test_what_was_registered_before_a_server_was_closed_is_not_shared(
    tmp_path: Path,
) -> None:
    async with a_room(tmp_path) as room:
        await room.register(another_program(), MALLORY)
        await room.register(real_program(), BOB)
    everybody = [signer.address.hex() for signer in (ALICE, BOB)]
    async with a_room(tmp_path, allow_requesters=everybody) as room:
        assert await is_unknown(room)
        await room.register(real_program(), BOB)
        assert (await shown(room)).owner == BOB.address
        assert await leased_elf(room, ALICE) == sample(".elf")


async def test_one_s_own_program_goes_before_another_s(closed: Room) -> None:
    await closed.register(another_program(), BOB)
    assert await leased_elf(closed, ALICE) == elf_of(another_program())
    await closed.register(real_program(), ALICE)
    assert await leased_elf(closed, ALICE) == sample(".elf")


async def test_the_oldest_of_others_programs_is_used(closed: Room) -> None:
    await closed.register(another_program("first"), MALLORY)
    closed.clock.pass_by(1)
    await closed.register(another_program("second"), BOB)
    assert await leased_elf(closed, ALICE) == elf_of(another_program("first"))


# --- registering again -------------------------------------------------------------------------


async def test_registering_again_keeps_one_copy_and_no_upload(room: Room) -> None:
    for _ in range(3):
        uri = await room.upload_program(real_program())
        await room.call("CreateProgram", sealed(ALICE, program_body(real_program(), uri)))
        assert (await upload(room, uri)).state == "erased"
        assert await used(room) == len(sample(".elf"))
    await room.store.requests.sweep()
    await room.store.vault.sweep()
    files = [path for path in room.store._ground.shelf.directory.glob("*/*") if path.is_file()]
    assert [path.name.split("_")[0] for path in files] == ["program"]


async def test_a_registration_whose_answer_was_lost_can_be_sent_again(room: Room) -> None:
    uri = await room.upload_program(real_program())
    for nonce in (0, 0, 1):
        body = program_body(real_program(), uri, nonce=nonce)
        await room.call("CreateProgram", sealed(ALICE, body))
    assert await room.nonce() == 2


async def test_a_registration_sent_twice_at_once_is_one(room: Room) -> None:
    uri = await room.upload_program(real_program())
    calls = (sealed(ALICE, program_body(real_program(), uri, nonce=n)) for n in range(4))
    await asyncio.gather(*(room.call("CreateProgram", call) for call in calls))
    assert await used(room) == len(sample(".elf"))


async def test_an_erased_upload_registers_nothing_else(room: Room) -> None:
    uri = await room.upload_program(real_program())
    await room.call("CreateProgram", sealed(ALICE, program_body(real_program(), uri)))
    v5 = ProgramFixture(b"\x01" * 32, bytes(234), b"")
    with pytest.raises(Refused) as refused:
        await room.call("CreateProgram", sealed(ALICE, program_body(v5, uri)))
    assert refused.value.status == "FAILED_PRECONDITION"


async def test_an_upload_is_opened_even_if_its_hash_is_known(room: Room) -> None:
    await room.register()
    uri = await room.upload_program(another_program())
    with pytest.raises(Refused) as refused:
        await room.call("CreateProgram", sealed(ALICE, program_body(real_program(), uri)))
    assert refused.value.status == "ALREADY_EXISTS"
    assert "another program" in refused.value.text
    assert await leased_elf(room, ALICE) == sample(".elf")


async def test_another_key_under_one_s_own_hash_is_refused(room: Room) -> None:
    elf = encode_program(elf_header(Family.V5, 0x201514))
    await room.register(ProgramFixture(b"\x01" * 32, b"a key", elf))
    with pytest.raises(Refused) as refused:
        await room.register(ProgramFixture(b"\x01" * 32, b"another key", elf))
    assert refused.value.status == "ALREADY_EXISTS"
    assert "verifying key" in refused.value.text


# --- how much one account may keep ---------------------------------------------------------------


async def test_what_a_program_unpacks_to_counts_for_its_account(tmp_path: Path) -> None:
    elf = elf_header(Family.V6, parse_vk_v6(real_program().vk).pc_start_address)
    big = replace(real_program(), upload=pack(encode_program(elf + bytes(1 << 20)), Family.V6))
    assert len(big.upload) < 1000
    async with a_room(tmp_path, max_requester_bytes=100_000) as room:
        with pytest.raises(Refused) as refused:
            await room.register(big)
        assert refused.value.status == "RESOURCE_EXHAUSTED"
        assert await used(room) == len(big.upload)
        await room.register()


# --- what it costs -----------------------------------------------------------------------------


async def test_a_request_that_runs_needs_no_look_up(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.register()

    async def fail(*_: object) -> None:
        raise AssertionError("a request went to the store for its program")

    monkeypatch.setattr(room.store.programs, "get", fail)
    monkeypatch.setattr(room.store.programs, "oldest", fail)
    assert await room.request(proof_body(await room.upload_stdin()))
