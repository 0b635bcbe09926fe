"""The vault: what goes in comes out, whole or in ranges, and only while its key is there."""

import asyncio
import gc
import hashlib
import random
import tracemalloc
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.stores import Clock, Room, opened

from sp1tee.errors import BlobErased, StoreUnavailable
from sp1tee.store.erasing import erase_blob, keep_blob
from sp1tee.store.records import SealedBlob
from sp1tee.store.sealing import CHUNK_SIZE, Layout

pytestmark = pytest.mark.anyio


def blobs(room: Room) -> Path:
    return room.store._ground.blobs


def stored(room: Room) -> list[str]:
    return sorted(path.name for path in blobs(room).glob("*/*_*"))


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
    "size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3_000_001]
)
async def test_content_of_any_size_comes_back(room: Room, size: int) -> None:
    data = content(size)
    sealed = await put(room, data)
    assert (sealed.size, sealed.sha256) == (size, hashlib.sha256(data).digest())
    assert await room.read(sealed.id) == data
    (file,) = blobs(room).glob(f"*/{sealed.id}")
    assert file.stat().st_size == Layout(size).file_size


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


async def test_nothing_readable_reaches_the_disk(room: Room) -> None:
    marker = b"CANARY-" * 1000
    sealed = await put(room, marker)
    files = [path for path in blobs(room).parent.rglob("*") if path.is_file()]
    assert any(path.name == sealed.id for path in files)
    assert not any(b"CANARY" in path.read_bytes() for path in files)


async def test_equal_contents_look_different(room: Room) -> None:
    one, two = await put(room, bytes(100)), await put(room, bytes(100))
    files = [next(blobs(room).glob(f"*/{s.id}")).read_bytes() for s in (one, two)]
    assert files[0][16:] != files[1][16:]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_equals_the_slice(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    size = data.draw(st.sampled_from([0, 1, 1000, CHUNK_SIZE, CHUNK_SIZE + 7, 2 * CHUNK_SIZE + 1]))
    edges = st.integers(0, size + 10) | st.sampled_from([0, CHUNK_SIZE - 1, CHUNK_SIZE, size])
    ranges = data.draw(st.lists(st.tuples(edges, st.none() | edges), min_size=1, max_size=8))

    async def check() -> None:
        async with opened(tmp_path_factory.mktemp("vault")) as room:
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


async def test_an_erased_blob_is_unreadable_though_its_file_were_kept(room: Room) -> None:
    sealed = await put(room, b"content")
    (file,) = blobs(room).glob(f"*/{sealed.id}")
    copy = file.read_bytes()
    await erase(room, sealed.id)
    await room.store.vault.erase_files([sealed.id])
    assert not file.exists()
    file.write_bytes(copy)
    with pytest.raises(BlobErased):
        await room.read(sealed.id)


async def test_files_of_blobs_that_have_their_key_are_not_removed(room: Room) -> None:
    sealed = await put(room, b"content")
    await room.store.vault.erase_files([sealed.id])
    assert await room.read(sealed.id) == b"content"


async def test_an_aborted_blob_leaves_nothing(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")
    await writer.write(content(3 * CHUNK_SIZE))
    await writer.abort()
    await writer.abort()
    assert stored(room) == []
    with pytest.raises(StoreUnavailable):
        await writer.write(content(2 * CHUNK_SIZE))
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
            await writer.write(content(3 * CHUNK_SIZE))
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
    await writing.write(content(3 * CHUNK_SIZE))
    finished = await room.seal(b"finished")

    assert await room.store.vault.sweep() == 0
    sealed = await writing.finish()
    await keep(room, sealed)
    await keep(room, finished)

    for blob in (kept, sealed, finished):
        assert await room.read(blob.id)


async def test_sweeping_removes_what_was_forgotten(room: Room) -> None:
    forgotten = await room.seal(b"forgotten")
    writer = await room.store.vault.writer("stdin")
    await writer.write(content(3 * CHUNK_SIZE))
    await room.store._vault._pool.run(lambda: None)
    writer._draft._file.close()
    del writer
    gc.collect()
    room.clock.forward(3600)

    assert await room.store.vault.sweep() == 2
    assert stored(room) == []
    with pytest.raises(BlobErased):
        await room.read(forgotten.id)


async def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as room:
        kept = await put(room, b"kept")
        await room.seal(b"its key was never recorded")
        (blobs(room) / "incoming" / "stdin_cut").write_bytes(b"half a file")
        assert len(stored(room)) == 3
    async with opened(tmp_path, clock) as room:
        assert stored(room) == [kept.id]
        assert await room.read(kept.id) == b"kept"


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


async def test_a_writer_holds_a_few_chunks_at_most(room: Room) -> None:
    writer = await room.store.vault.writer("stdin")
    piece = content(CHUNK_SIZE // 4)
    tracemalloc.start()
    for _ in range(160):
        await writer.write(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await writer.abort()
    assert peak < 6 * CHUNK_SIZE
