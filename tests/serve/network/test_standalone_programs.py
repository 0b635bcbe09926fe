"""Places to upload to, and what may be registered of it."""

from typing import Any

import pytest
from support.network_room import ARTIFACTS, Refused, Room
from support.serving import (
    ALICE,
    BOB,
    PUBLIC_URL,
    program_body,
    proof_body,
    real_program,
    sealed,
)
from support.wire_data import sample

from sp1tee.wire.pb import artifact_pb2

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        (artifact_pb2.PROGRAM, "artifacts/program", "program"),
        (artifact_pb2.STDIN, "artifacts/stdin", "stdin"),
        (artifact_pb2.PRIVATE_STDIN, "private-stdins", "stdin"),
    ],
)
async def test_an_upload_place_has_a_name_and_a_url_with_a_token(
    room: Room, kind: int, name: str, path: str
) -> None:
    place = await room.create_artifact(kind=kind)
    url, _, token = place.artifact_presigned_url.partition("?token=")
    artifact_id = url.removeprefix(f"{PUBLIC_URL}/artifacts/{path}/")
    assert artifact_id.startswith("artifact_")
    assert place.artifact_uri == f"{PUBLIC_URL}/{name}/{artifact_id}"
    assert len(token) == 43


async def test_two_places_are_two(room: Room) -> None:
    first, second = await room.create_artifact(), await room.create_artifact()
    assert first.artifact_uri != second.artifact_uri
    assert first.artifact_presigned_url.split("=")[1] != second.artifact_presigned_url.split("=")[1]


@pytest.mark.parametrize("kind", [0, 3, 4, 5, 6, 8])
async def test_other_artifacts_are_refused_for_good_and_in_words(room: Room, kind: int) -> None:
    with pytest.raises(Refused) as refused:
        await room.create_artifact(kind=kind)
    assert refused.value.status == "INVALID_ARGUMENT"
    assert "STDIN" in refused.value.text


async def test_an_upload_place_needs_a_signature(room: Room) -> None:
    request = artifact_pb2.CreateArtifactRequest(signature=bytes(65), artifact_type=2)
    with pytest.raises(Refused) as refused:
        await room.call("CreateArtifact", request.SerializeToString(), service=ARTIFACTS)
    assert refused.value.status == "UNAUTHENTICATED"


async def test_workers_get_the_plain_elf(room: Room) -> None:
    await room.register()
    await room.request(proof_body(await room.upload_stdin()))
    leased = await room.lease()
    elf = b"".join([chunk async for chunk in room.store.vault.read(leased.program.blob)])
    assert elf == sample(".elf")
    assert leased.program.size == len(elf)


async def test_a_program_that_somebody_else_uploaded_is_refused(room: Room) -> None:
    place = await room.create_artifact(BOB, artifact_pb2.PROGRAM)
    await room.put(place.artifact_presigned_url, real_program().upload)
    with pytest.raises(Refused) as refused:
        await room.call(
            "CreateProgram", sealed(ALICE, program_body(real_program(), place.artifact_uri))
        )
    assert refused.value.status == "INVALID_ARGUMENT"


async def test_a_program_that_was_not_uploaded_is_refused(room: Room) -> None:
    place = await room.create_artifact(kind=artifact_pb2.PROGRAM)
    with pytest.raises(Refused) as refused:
        await room.call(
            "CreateProgram", sealed(ALICE, program_body(real_program(), place.artifact_uri))
        )
    assert refused.value.status == "FAILED_PRECONDITION"


async def test_an_input_is_no_program(room: Room) -> None:
    uri = await room.upload_stdin()
    with pytest.raises(Refused) as refused:
        await room.call("CreateProgram", sealed(ALICE, program_body(real_program(), uri)))
    assert refused.value.status == "INVALID_ARGUMENT"


async def test_the_wrong_program_for_a_key_is_refused_and_not_registered(room: Room) -> None:
    place = await room.create_artifact(kind=artifact_pb2.PROGRAM)
    await room.put(place.artifact_presigned_url, b"\x04" + bytes(7) + b"\x7fELF")
    with pytest.raises(Refused) as refused:
        await room.call(
            "CreateProgram", sealed(ALICE, program_body(real_program(), place.artifact_uri))
        )
    assert refused.value.status == "INVALID_ARGUMENT"
    assert await room.store.programs.get(real_program().vk_hash, ALICE.address) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"vk_hash": bytes(32)},
        {"vk_hash": b"short"},
        {"vk": b""},
        {"vk": bytes(65_537)},
        {"nonce": 2**63},
    ],
    ids=["another hash", "short hash", "no key", "huge key", "huge nonce"],
)
async def test_a_registration_that_makes_no_sense_is_refused(
    room: Room, changes: dict[str, Any]
) -> None:
    place = await room.create_artifact(kind=artifact_pb2.PROGRAM)
    await room.put(place.artifact_presigned_url, real_program().upload)
    body = program_body(real_program(), place.artifact_uri, **changes)
    with pytest.raises(Refused) as refused:
        await room.call("CreateProgram", sealed(ALICE, body))
    assert refused.value.status == "INVALID_ARGUMENT"
