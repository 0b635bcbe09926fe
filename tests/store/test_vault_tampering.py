"""What somebody who can write to the disk or the bucket can do to a sealed file: be noticed."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from support.shelves import outsider
from support.stores import Room

from sp1tee.errors import BlobDamaged
from sp1tee.store.blob_file import BlobFile
from sp1tee.store.erasing import keep_blob
from sp1tee.store.schema import blobs as blob_rows
from sp1tee.store.sealing import CHUNK_SIZE, HEADER, TAG_SIZE, Layout, Sealer
from sp1tee.store.writer import Tx

pytestmark = pytest.mark.anyio

SEALED_CHUNK = CHUNK_SIZE + TAG_SIZE
# In a bucket: two parts, the second one of a chunk and some more.
SIZE = 5 * CHUNK_SIZE + 1000
LAST = 5
START = len(HEADER)


@pytest.fixture
def room(vault_room: Room) -> Room:
    return vault_room


async def put(room: Room, fill: bytes, size: int = SIZE) -> str:
    sealed = await room.seal(fill * size)
    await room.store._writer.run(keep_blob, sealed)
    return sealed.id


def sealed_file(room: Room, blob_id: str) -> bytes:
    found = outsider(room).read(blob_id)
    assert found is not None
    return found


def change(room: Room, blob_id: str, how: Callable[[bytes], bytes]) -> None:
    outsider(room).write(blob_id, how(sealed_file(room, blob_id)))


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def chunk(data: bytes, index: int) -> bytes:
    start = START + index * SEALED_CHUNK
    return data[start : start + SEALED_CHUNK]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit in the header's name": lambda d: flipped(d, 0),
    "a flipped bit in the header's version": lambda d: flipped(d, 12),
    "a flipped bit in the header's chunk size": lambda d: flipped(d, 13),
    "a flipped bit in the header's end": lambda d: flipped(d, 15),
    "a flipped bit in the first chunk": lambda d: flipped(d, START),
    "a flipped bit in a tag": lambda d: flipped(d, START + CHUNK_SIZE),
    "a flipped bit in a middle chunk": lambda d: flipped(d, START + SEALED_CHUNK + 77),
    "a flipped bit in the last chunk": lambda d: flipped(d, len(d) - TAG_SIZE - 1),
    "a flipped bit in the last tag": lambda d: flipped(d, len(d) - 1),
    "one byte cut": lambda d: d[:-1],
    "one byte added": lambda d: d + b"\0",
    "the last chunk cut": lambda d: d[: START + LAST * SEALED_CHUNK],
    "the last two chunks cut": lambda d: d[: START + (LAST - 1) * SEALED_CHUNK],
    "a middle chunk cut": lambda d: d[: START + SEALED_CHUNK] + d[START + 2 * SEALED_CHUNK :],
    "everything but the header cut": lambda d: d[:START],
    "everything cut": lambda _: b"",
    "two chunks swapped": lambda d: (
        d[:START] + chunk(d, 1) + chunk(d, 0) + d[START + 2 * SEALED_CHUNK :]
    ),
    "a chunk doubled": lambda d: (
        d[:START] + chunk(d, 0) + chunk(d, 0) + d[START + 2 * SEALED_CHUNK :]
    ),
}


@pytest.mark.parametrize("how", CHANGES.values(), ids=CHANGES.keys())
async def test_a_changed_file_is_damaged(room: Room, how: Callable[[bytes], bytes]) -> None:
    blob_id = await put(room, b"x")
    change(room, blob_id, how)
    with pytest.raises(BlobDamaged):
        await room.read(blob_id)


async def test_a_lost_file_is_damage(room: Room) -> None:
    blob_id = await put(room, b"x", 10)
    outsider(room).remove(blob_id)
    with pytest.raises(BlobDamaged):
        await room.read(blob_id)


async def test_another_blob_s_file_is_damage(room: Room) -> None:
    one, two = await put(room, b"x"), await put(room, b"y")
    outsider(room).write(one, sealed_file(room, two))
    with pytest.raises(BlobDamaged):
        await room.read(one)


@pytest.mark.parametrize("index", [0, 1, LAST - 1])
async def test_a_chunk_of_another_blob_is_damage(room: Room, index: int) -> None:
    one, two = await put(room, b"x"), await put(room, b"x")
    other = chunk(sealed_file(room, two), index)
    begin, end = START + index * SEALED_CHUNK, START + (index + 1) * SEALED_CHUNK
    change(room, one, lambda data: data[:begin] + other + data[end:])
    with pytest.raises(BlobDamaged):
        await room.read(one)


async def test_a_cut_that_fits_a_forged_size_is_damage(room: Room) -> None:
    blob_id = await put(room, b"x")
    change(room, blob_id, lambda data: data[: START + LAST * SEALED_CHUNK])

    def forge(tx: Tx) -> None:
        tx.connection.execute(update(blob_rows).values(size=LAST * CHUNK_SIZE))

    await room.store._writer.run(forge)
    with pytest.raises(BlobDamaged):
        await room.read(blob_id)


async def test_an_emptied_blob_with_a_forged_size_is_damage(room: Room) -> None:
    blob_id = await put(room, b"x", 10)
    change(room, blob_id, lambda _: HEADER + bytes(TAG_SIZE))

    def forge(tx: Tx) -> None:
        tx.connection.execute(update(blob_rows).values(size=0))

    await room.store._writer.run(forge)
    with pytest.raises(BlobDamaged):
        await room.read(blob_id)


async def test_swapped_key_rows_are_damage(room: Room) -> None:
    one, two = await put(room, b"x", 10), await put(room, b"y", 10)
    key = await room.store.vault._keys.key_of(two)
    assert key is not None

    def swap(tx: Tx) -> None:
        tx.connection.execute(
            update(blob_rows).where(blob_rows.c.id == one).values(wrapped_key=key.wrapped_key)
        )

    await room.store._writer.run(swap)
    with pytest.raises(BlobDamaged):
        await room.read(one)


async def test_damage_elsewhere_does_not_spoil_a_range(room: Room) -> None:
    blob_id = await put(room, b"x")
    change(room, blob_id, lambda data: flipped(data, START + 2 * SEALED_CHUNK))
    assert await room.read(blob_id, 0, 2 * CHUNK_SIZE) == b"x" * (2 * CHUNK_SIZE)
    with pytest.raises(BlobDamaged):
        await room.read(blob_id, 2 * CHUNK_SIZE, 1)


async def test_no_unchecked_byte_is_handed_out_before_damage_is_found(room: Room) -> None:
    blob_id = await put(room, b"x")
    change(room, blob_id, lambda data: flipped(data, START + SEALED_CHUNK))
    pieces = room.store.vault.read(blob_id)
    assert await anext(pieces) == b"x" * CHUNK_SIZE
    with pytest.raises(BlobDamaged):
        await anext(pieces)


async def test_damage_is_told_without_content(room: Room) -> None:
    blob_id = await put(room, b"SECRET", 10)
    change(room, blob_id, lambda data: flipped(data, START))
    with pytest.raises(BlobDamaged) as caught:
        await room.read(blob_id)
    assert blob_id in str(caught.value)
    assert caught.value.advice


@given(data=st.binary(max_size=200), size=st.integers(0, 100), header=st.booleans())
def test_a_file_of_any_bytes_is_damaged(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int, *, header: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "forged"
    layout = Layout(size)
    # Most examples would fail by their size alone: give some the right one, and the header.
    forged = (HEADER + data).ljust(layout.file_size)[: layout.file_size] if header else data
    path.write_bytes(forged)
    file = BlobFile(path, Sealer("stdin_x", b"k" * 32), layout)
    with pytest.raises(BlobDamaged):
        opened_and_read(file, layout)


def opened_and_read(file: BlobFile, layout: Layout) -> list[bytes]:
    try:
        file.open()
        return [file.read(piece) for piece in layout.pieces(0, None)]
    finally:
        file.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_at_all_is_noticed(data: st.DataObject) -> None:
    """On the format itself: whatever differs from what was sealed does not open."""
    sealer = Sealer("stdin_x", b"k" * 32)
    sealed = bytes(sealer.seal(0, b"the content", bytearray(100), last=True))
    changed = data.draw(
        st.binary(max_size=40)
        | st.integers(0, len(sealed) * 8 - 1).map(
            lambda bit: (int.from_bytes(sealed) ^ (1 << bit)).to_bytes(len(sealed))
        )
    )
    if changed != sealed:
        with pytest.raises(BlobDamaged):
            sealer.open(0, changed, last=True)
