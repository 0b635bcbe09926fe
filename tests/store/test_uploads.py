"""Upload places and nonces."""

import asyncio

import pytest
from support.stores import ALICE, BOB, Room, token_hash

from sp1tee.errors import (
    BlobErased,
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
    assert list(room.store._ground.shelf.directory.glob(f"*/{second.id}")) == []


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


async def test_a_nonce_never_moves_down(room: Room) -> None:
    nonces = room.store.nonces
    assert await nonces.get(ALICE) == 0
    await nonces.advance(ALICE, 7)
    await nonces.advance(ALICE, 3)
    assert (await nonces.get(ALICE), await nonces.get(BOB)) == (7, 0)
    await nonces.advance(ALICE, 2**64 - 1)
    assert await nonces.get(ALICE) == 2**63 - 1
