"""The sealed format, without files."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import BlobDamaged
from sp1tee.store.master_key import MasterKey
from sp1tee.store.sealing import CHUNK_SIZE, HEADER, TAG_SIZE, KeyWrap, Layout, Sealer

DATABASES = ("sqlite",)

WRAP = KeyWrap(MasterKey(b"m" * 32))
KEY = b"k" * 32


def test_the_header_says_format_and_chunk_size() -> None:
    assert HEADER == b"sp1tee-blob\x00\x01\x14\x00\x00"
    assert 1 << HEADER[13] == CHUNK_SIZE == 1024 * 1024


def test_a_chunk_opens_in_its_own_place_only() -> None:
    sealer = Sealer("stdin_x", KEY)
    sealed = bytes(sealer.seal(1, b"content", bytearray(7 + TAG_SIZE), last=False))
    assert len(sealed) == 7 + TAG_SIZE
    assert b"content" not in sealed
    assert sealer.open(1, sealed, last=False) == b"content"
    for index, last in ((0, False), (2, False), (1, True)):
        with pytest.raises(BlobDamaged):
            sealer.open(index, sealed, last=last)
    with pytest.raises(BlobDamaged):
        Sealer("stdin_x", b"j" * 32).open(1, sealed, last=False)


@pytest.mark.parametrize("short", range(TAG_SIZE))
def test_less_than_a_tag_is_damage(short: int) -> None:
    with pytest.raises(BlobDamaged):
        Sealer("stdin_x", KEY).open(0, bytes(short), last=True)


def test_a_key_unwraps_for_its_own_blob_only() -> None:
    wrapped = WRAP.wrap("stdin_x", KEY)
    assert WRAP.unwrap("stdin_x", wrapped) == KEY
    assert KEY not in wrapped
    assert wrapped != WRAP.wrap("stdin_x", KEY)
    with pytest.raises(BlobDamaged):
        WRAP.unwrap("stdin_y", wrapped)
    with pytest.raises(BlobDamaged):
        KeyWrap(MasterKey(b"n" * 32)).unwrap("stdin_x", wrapped)


@given(wrapped=st.binary(max_size=80))
def test_bytes_that_are_no_wrapped_key_are_damage(wrapped: bytes) -> None:
    with pytest.raises(BlobDamaged):
        WRAP.unwrap("stdin_x", wrapped)


@pytest.mark.parametrize(
    ("size", "chunks"),
    [(0, 1), (1, 1), (CHUNK_SIZE, 1), (CHUNK_SIZE + 1, 2), (5 * CHUNK_SIZE, 5)],
)
def test_the_file_size_follows_from_the_size(size: int, chunks: int) -> None:
    layout = Layout(size)
    assert layout.chunks == chunks
    assert layout.file_size == 16 + size + chunks * TAG_SIZE
    assert [piece.last for piece in layout.pieces(0, None)] == [False] * (chunks - 1) + [True]


@given(
    size=st.integers(0, 4 * CHUNK_SIZE),
    offset=st.integers(0, 5 * CHUNK_SIZE),
    length=st.none() | st.integers(0, 5 * CHUNK_SIZE),
)
def test_the_pieces_of_a_range_are_that_range(size: int, offset: int, length: int | None) -> None:
    covered = []
    for piece in Layout(size).pieces(offset, length):
        start = piece.index * CHUNK_SIZE
        content = range(start, start + piece.sealed_size - TAG_SIZE)[piece.wanted]
        assert piece.position == len(HEADER) + piece.index * (CHUNK_SIZE + TAG_SIZE)
        if content:
            covered.append((content.start, content.stop))
    end = size if length is None else min(size, offset + length)
    wanted = [(offset, end)] if offset < end else []
    joined = [(covered[0][0], covered[-1][1])] if covered else []
    assert joined == wanted
    assert all(one[1] == two[0] for one, two in pairwise(covered))
