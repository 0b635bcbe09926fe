"""Upload places, programs and nonces."""

import asyncio

import pytest
from support.stores import ALICE, BOB, VK_HASH, Room, a_program, token_hash

from sp1tee.errors import (
    BlobErased,
    ProgramConflict,
    ProgramNotFound,
    StateConflict,
    UploadRefused,
)

pytestmark = pytest.mark.anyio


async def test_an_upload_goes_to_its_place(room: Room) -> None:
    place = await room.place()
    assert (place.state, place.blob) == ("created", None)
    assert await room.store.artifacts.check_token(place.id, token_hash(place.uri)) == place

    sealed = await room.seal(b"an input")
    uploaded = await room.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)

    assert (uploaded.state, uploaded.size, uploaded.sha256, uploaded.blob) == (
        "uploaded",
        8,
        sealed.sha256,
        sealed.id,
    )
    assert await room.store.artifacts.by_uri(place.uri) == uploaded
    assert await room.store.artifacts.get(place.id) == uploaded
    assert await room.read(sealed.id) == b"an input"


async def test_the_upload_token_works_once(room: Room) -> None:
    place = await room.place()
    token = token_hash(place.uri)
    first, second = await room.seal(b"first"), await room.seal(b"second")
    await room.store.artifacts.uploaded(place.id, token, first)

    with pytest.raises(UploadRefused):
        await room.store.artifacts.check_token(place.id, token)
    with pytest.raises(UploadRefused):
        await room.store.artifacts.uploaded(place.id, token, second)

    assert await room.read(first.id) == b"first"
    with pytest.raises(BlobErased):
        await room.read(second.id)
    assert list(room.store._ground.blobs.glob(f"*/{second.id}")) == []


async def test_of_two_uploads_at_the_same_moment_one_wins(room: Room) -> None:
    place = await room.place()
    sealed = [await room.seal(bytes([n])) for n in range(5)]
    answers = await asyncio.gather(
        *(room.store.artifacts.uploaded(place.id, token_hash(place.uri), s) for s in sealed),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, UploadRefused) for answer in answers) == 4


async def test_an_upload_without_the_token_is_refused(room: Room) -> None:
    place = await room.place()
    with pytest.raises(UploadRefused):
        await room.store.artifacts.check_token(place.id, b"x" * 32)
    with pytest.raises(UploadRefused):
        await room.store.artifacts.check_token("artifact_unknown", token_hash(place.uri))
    with pytest.raises(UploadRefused):
        await room.store.artifacts.uploaded(place.id, b"x" * 32, await room.seal(b"x"))
    assert (await room.store.artifacts.get(place.id)) == place


async def test_no_upload_begins_at_an_expired_place(room: Room) -> None:
    place = await room.place(ttl_s=10)
    room.clock.forward(10)
    with pytest.raises(UploadRefused):
        await room.store.artifacts.check_token(place.id, token_hash(place.uri))


async def test_places_do_not_share_an_id_or_a_uri(room: Room) -> None:
    place = await room.place()
    for uri, artifact_id in ((place.uri, None), ("https://tee.example/other", place.id)):
        with pytest.raises(StateConflict):
            await room.store.artifacts.create(
                "stdin",
                BOB,
                uri=uri,
                token_hash=b"t" * 32,
                expires_at=room.clock() + 10,
                artifact_id=artifact_id,
            )


async def test_a_program_is_registered_once(room: Room) -> None:
    first = await room.store.programs.register(a_program(name="fib"))
    assert await room.store.programs.register(a_program(owner=BOB)) == first
    assert await room.store.programs.get(VK_HASH) == first
    assert await room.store.programs.get(b"?" * 32) is None


@pytest.mark.parametrize("other", [{"vk": b"another"}, {"uri": "https://elsewhere.example"}])
async def test_a_hash_does_not_mean_two_programs(room: Room, other: dict) -> None:
    first = await room.store.programs.register(a_program())
    with pytest.raises(ProgramConflict):
        await room.store.programs.register(a_program(**other))
    assert await room.store.programs.get(VK_HASH) == first


async def test_the_same_program_from_another_upload_is_no_conflict(room: Room) -> None:
    first = await room.store.programs.register(a_program(sha256=b"e" * 32))
    same = a_program(uri="https://tee.example/artifacts/program/2", sha256=b"e" * 32)
    assert await room.store.programs.register(same) == first


async def test_a_program_s_elf_is_cached_once(room: Room) -> None:
    await room.program(cached=False)
    first, second = await room.seal(b"\x7fELF", "program"), await room.seal(b"\x7fELF", "program")
    cached = await room.store.programs.cache(VK_HASH, first)
    assert (cached.blob, cached.size, cached.sha256) == (first.id, 4, first.sha256)

    assert await room.store.programs.cache(VK_HASH, second) == cached
    assert await room.store.programs.cache(VK_HASH, first) == cached
    assert await room.read(first.id) == b"\x7fELF"
    with pytest.raises(BlobErased):
        await room.read(second.id)


async def test_an_unregistered_program_is_not_cached(room: Room) -> None:
    sealed = await room.seal(b"\x7fELF", "program")
    with pytest.raises(ProgramNotFound):
        await room.store.programs.cache(VK_HASH, sealed)
    assert list(room.store._ground.blobs.glob(f"*/{sealed.id}")) == []


async def test_a_nonce_never_moves_down(room: Room) -> None:
    nonces = room.store.nonces
    assert await nonces.get(ALICE) == 0
    await nonces.advance(ALICE, 7)
    await nonces.advance(ALICE, 3)
    assert (await nonces.get(ALICE), await nonces.get(BOB)) == (7, 0)
    await nonces.advance(ALICE, 2**64 - 1)
    assert await nonces.get(ALICE) == 2**63 - 1
