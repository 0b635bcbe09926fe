"""The vault: what goes in comes out, whole or in ranges, and only while its key is there.

Each of these runs on files and on a real bucket.
"""

import asyncio
import gc
import hashlib
import random
import tracemalloc
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.shelves import outsider
from support.stores import Clock, Room, opened

from sp1tee.errors import BlobErased, StoreUnavailable
from sp1tee.store.draft import FileDraft
from sp1tee.store.erasing import erase_blob, keep_blob
from sp1tee.store.pool import ended
from sp1tee.store.records import SealedBlob
from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.s3_parts import PART_CHUNKS
from sp1tee.store.sealing import CHUNK_SIZE, HEADER, Layout
from sp1tee.store.vault import BlobWriter

pytestmark = pytest.mark.anyio

PART = PART_CHUNKS * CHUNK_SIZE
NUMBERS = count(1)


@pytest.fixture
def room(vault_room: Room) -> Room:
    return vault_room


def stored(room: Room) -> list[str]:
    return outsider(room).ids()


def sealed_file(room: Room, blob: SealedBlob) -> bytes:
    found = outsider(room).read(blob.id)
    assert found is not None
    return found


async def swept(room: Room) -> int:
    """Sweep, and once more when what is shared with other servers has had its time."""
    removed = await room.store.vault.sweep()
    room.clock.forward(3600)
    return removed + await room.store.vault.sweep()


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def put(room: Room, data: bytes, step: int = 100_000) -> SealedBlob:
    """Seal `data` in pieces and record its key, as an upload does."""
    writer = await room.store.vault.writer("proof")
    for start in range(0, len(data), step):
        await writer.write(memoryview(data)[start : start + step])
    sealed = await writer.finish()
    await keep(room, sealed)
    return sealed


async def keep(room: Room, sealed: SealedBlob) -> None:
    await room.store._writer.run(keep_blob, sealed)


async def erase(room: Room, blob_id: str) -> None:
    await room.store._writer.run(erase_blob, blob_id)


@pytest.mark.parametrize(
    "size",
    [
        *(0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3_000_001),
        *(PART - 1, PART, PART + 1, 2 * PART + 7),
    ],
)
async def test_content_of_any_size_comes_back(room: Room, size: int) -> None:
    data = content(size)
    sealed = await put(room, data)
    assert (sealed.size, sealed.sha256) == (size, hashlib.sha256(data).digest())
    assert await room.read(sealed.id) == data
    assert len(sealed_file(room, sealed)) == Layout(size).file_size


async def test_a_blob_is_hashed_only_if_asked(room: Room) -> None:
    writer = await room.store.vault.writer("stdin", hashed=False)
    await writer.write(b"a large input")
    sealed = await writer.finish()
    assert (sealed.size, sealed.sha256) == (13, b"")


async def test_pieces_larger_than_a_chunk_and_empty_ones_are_fine(room: Room) -> None:
    data = content(3 * CHUNK_SIZE + 5)
    writer = await room.store.vault.writer("stdin")
    for piece in (b"", data[:1], bytearray(data[1:]), b""):
        await writer.write(piece)
    sealed = await writer.finish()
    await keep(room, sealed)
    assert sealed.sha256 == hashlib.sha256(data).digest()
    assert await room.read(sealed.id) == data


async def test_a_piece_may_be_reused_once_it_was_taken(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")
    piece = bytearray(b"a" * 10)
    await writer.write(piece)
    piece[:] = b"b" * 10
    await writer.write(piece)
    sealed = await writer.finish()
    await keep(room, sealed)
    assert await room.read(sealed.id) == b"a" * 10 + b"b" * 10


async def test_nothing_readable_reaches_the_disk_or_the_bucket(room: Room) -> None:
    marker = b"CANARY-" * (PART // 5)
    sealed = await put(room, marker)
    row = await room.store.vault._keys.key_of(sealed.id)
    assert row is not None
    everything = outsider(room).everything()
    assert any(sealed.id in name for name in everything)
    assert not any(b"CANARY" in content for content in everything.values())
    in_the_database = [name for name, found in everything.items() if row.wrapped_key in found]
    assert all("store.db" in name for name in in_the_database)


async def test_equal_contents_look_different(room: Room) -> None:
    one, two = await put(room, bytes(100)), await put(room, bytes(100))
    files = [sealed_file(room, blob) for blob in (one, two)]
    assert files[0][: len(HEADER)] == files[1][: len(HEADER)]
    assert files[0][len(HEADER) :] != files[1][len(HEADER) :]


SIZES = [0, 1, 1000, CHUNK_SIZE, CHUNK_SIZE + 7, 2 * CHUNK_SIZE + 1, PART + 5]
EDGES = st.integers(0, PART + 10) | st.sampled_from([0, CHUNK_SIZE - 1, CHUNK_SIZE, PART])


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Bucket | None:
    return None if request.param == "files" else request.getfixturevalue("s3").bucket()


@pytest.mark.parametrize("place", ["files", "bucket"], indirect=True)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from(SIZES),
    ranges=st.lists(st.tuples(EDGES, st.none() | EDGES), min_size=1, max_size=8),
)
def test_any_range_equals_the_slice(
    tmp_path_factory: pytest.TempPathFactory,
    place: Bucket | None,
    size: int,
    ranges: list[tuple[int, int | None]],
) -> None:
    async def check() -> None:
        bucket = place and replace(place, prefix=f"{place.prefix}/{next(NUMBERS)}")
        async with opened(tmp_path_factory.mktemp("vault"), bucket=bucket) as room:
            plain = content(size)
            sealed = await put(room, plain)
            for offset, length in ranges:
                end = None if length is None else offset + length
                assert await room.read(sealed.id, offset, length) == plain[offset:end]

    asyncio.run(check())


async def test_a_blob_without_a_key_row_cannot_be_read(room: Room) -> None:
    sealed = await room.seal(b"nobody recorded the key")
    with pytest.raises(BlobErased):
        await room.read(sealed.id)


async def test_the_size_of_a_blob_is_known_while_it_can_be_read(room: Room) -> None:
    sealed = await put(room, b"12345")
    assert await room.store.vault.size(sealed.id) == 5
    await erase(room, sealed.id)
    with pytest.raises(BlobErased):
        await room.store.vault.size(sealed.id)


async def test_the_files_of_an_erased_blob_go(room: Room) -> None:
    sealed = await put(room, content(PART + 1))
    await erase(room, sealed.id)
    await room.store.vault.erase_files([sealed.id])
    assert outsider(room).read(sealed.id) is None


async def test_an_erased_blob_is_unreadable_though_its_file_were_kept(
    tmp_path: Path, bucket: Bucket | None
) -> None:
    async with opened(tmp_path, bucket=bucket) as room:
        sealed = await put(room, b"content")
        copy = sealed_file(room, sealed)
        await erase(room, sealed.id)
    async with opened(tmp_path, bucket=bucket) as room:
        outsider(room).write(sealed.id, copy)
        with pytest.raises(BlobErased):
            await room.read(sealed.id)


async def test_files_of_blobs_that_have_their_key_are_not_removed(room: Room) -> None:
    sealed = await put(room, b"content")
    await room.store.vault.erase_files([sealed.id])
    assert await room.read(sealed.id) == b"content"


async def test_an_aborted_blob_leaves_nothing(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")
    await writer.write(content(2 * PART))
    await writer.abort()
    await writer.abort()
    assert stored(room) == []
    with pytest.raises(StoreUnavailable):
        await writer.write(content(2 * PART))
    with pytest.raises(StoreUnavailable):
        await writer.finish()


async def test_aborting_after_finishing_changes_nothing(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")
    await writer.write(b"content")
    sealed = await writer.finish()
    await writer.abort()
    await keep(room, sealed)
    assert await room.read(sealed.id) == b"content"


async def test_a_writer_whose_task_is_cancelled_can_be_aborted(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")

    begun = asyncio.Event()

    async def feed() -> None:
        while True:
            await writer.write(content(2 * PART))
            begun.set()

    feeding = asyncio.ensure_future(feed())
    await begun.wait()
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding
    await writer.abort()
    assert stored(room) == []


async def test_sweeping_spares_what_is_being_written_or_waits_for_its_key(room: Room) -> None:
    kept = await put(room, b"kept")
    writing = await room.store.vault.writer("stdin")
    await writing.write(content(2 * PART))
    finished = await room.seal(b"finished")

    assert await room.store.vault.sweep() == 0
    sealed = await writing.finish()
    await keep(room, sealed)
    await keep(room, finished)

    for blob in (kept, sealed, finished):
        assert await room.read(blob.id)


def let_go(writer: BlobWriter) -> None:
    """Close what a writer has open: the collector may find it later than the next line."""
    draft = writer._draft
    if isinstance(draft, FileDraft):
        draft._file.close()
    else:
        draft._arrived()


async def test_sweeping_spares_what_is_begun_while_it_looks(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(room, b"an older one, so that there is something to look at")
    shelf = room.store.vault._shelf
    looking, written, names = Event(), Event(), shelf.names

    def slowly(shard: str) -> Mapping[str, int]:
        looking.set()
        assert written.wait(30)
        return names(shard)

    monkeypatch.setattr(shelf, "names", slowly)
    sweeping = asyncio.ensure_future(room.store.vault.sweep())
    await asyncio.to_thread(looking.wait, 30)
    writing = await room.store.vault.writer("stdin")
    await writing.write(content(2 * PART))
    finished = await room.seal(b"finished")
    written.set()

    assert await sweeping == 0
    for blob in (await writing.finish(), finished):
        await keep(room, blob)
        assert await room.read(blob.id)


async def test_sweeping_removes_what_was_forgotten(room: Room) -> None:
    forgotten = await room.seal(b"forgotten")
    writer = await room.store.vault.writer("stdin")
    await writer.write(content(2 * PART))
    await ended(writer._busy)
    let_go(writer)
    del writer
    gc.collect()
    room.clock.forward(3600)

    assert await swept(room) == 2
    assert stored(room) == []
    with pytest.raises(BlobErased):
        await room.read(forgotten.id)


async def test_what_a_crash_left_is_removed(tmp_path: Path, bucket: Bucket | None) -> None:
    clock = Clock()
    async with opened(tmp_path, clock, bucket=bucket) as room:
        kept = await put(room, b"kept")
        await room.seal(b"its key was never recorded")
        outsider(room).leave_half("stdin_cut")
        assert len(stored(room)) == 3
    async with opened(tmp_path, clock, bucket=bucket) as room:
        await swept(room)
        assert stored(room) == [kept.id]
        assert await room.read(kept.id) == b"kept"


async def test_on_a_disk_of_its_own_a_server_removes_it_at_the_start(
    tmp_path: Path, database_kind: str
) -> None:
    async with opened(tmp_path) as room:
        await room.seal(b"its key was never recorded")
    async with opened(tmp_path) as room:
        # With PostgreSQL other servers may share the disk.
        assert (stored(room) == []) is (database_kind == "sqlite")


async def test_a_reader_may_stop_early(room: Room) -> None:
    sealed = await put(room, content(4 * CHUNK_SIZE))
    async with aclosing(room.store.vault.read(sealed.id)) as pieces:
        async for piece in pieces:
            assert len(piece) == CHUNK_SIZE
            break


async def test_a_reader_may_be_cancelled(room: Room) -> None:
    sealed = await put(room, content(4 * CHUNK_SIZE))
    reading = asyncio.ensure_future(room.read(sealed.id))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(await room.read(sealed.id)) == 4 * CHUNK_SIZE


async def test_many_blobs_are_written_and_read_at_once(room: Room) -> None:
    contents = [content(n * 300_001) for n in range(12)]
    blobs = await asyncio.gather(*(put(room, data, step=65_536) for data in contents))
    assert await asyncio.gather(*(room.read(blob.id) for blob in blobs)) == contents


async def test_a_writer_holds_a_few_chunks_or_parts_at_most(
    room: Room, bucket: Bucket | None
) -> None:
    writer = await room.store.vault.writer("stdin")
    piece = content(CHUNK_SIZE // 4)
    tracemalloc.start()
    for _ in range(160):
        await writer.write(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await writer.abort()
    assert peak < (6 * CHUNK_SIZE if bucket is None else 3 * PART + 4 * CHUNK_SIZE)
