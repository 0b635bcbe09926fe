"""Uploads: packed as each SDK packs them, unpacked within bounds."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import recording, vector

from sp1tee.errors import ArtifactError, ArtifactTooLarge, TruncatedArtifact, WireError
from sp1tee.wire import artifacts
from sp1tee.wire.artifacts import ZSTD_MAGIC, Unpacker, is_zstd, pack, pack_stream, unpack
from sp1tee.wire.program import encode_program
from sp1tee.wire.versions import Family

zstd = artifacts.zstd

STDIN = bytes.fromhex(vector("bincode", "stdin_two_buffers_v5")["hex"])
IN_ZSTD = vector("bincode", "stdin_two_buffers_v6")


def fed(data: bytes, limit: int, step: int) -> bytes:
    unpacker = Unpacker(limit)
    parts = [unpacker.feed(data[i : i + step]) for i in range(0, len(data), step)]
    return b"".join([*parts, unpacker.finish()])


@pytest.mark.parametrize("form", ["hex", "hex_with_content_size"])
def test_frames_with_and_without_content_size_are_unpacked(form: str) -> None:
    assert unpack(bytes.fromhex(IN_ZSTD[form]), 1000) == STDIN


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 100])
@pytest.mark.parametrize("family", Family)
def test_an_upload_may_come_in_chunks_of_any_size(family: Family, step: int) -> None:
    assert fed(pack(STDIN, family), len(STDIN), step) == STDIN


def test_sdk5_uploads_are_plain_and_sdk6_uploads_are_one_frame_without_content_size() -> None:
    assert pack(STDIN, Family.V5) == STDIN
    packed = pack(STDIN, Family.V6)
    assert is_zstd(packed)
    assert not is_zstd(STDIN)
    assert zstd.get_frame_info(packed).decompressed_size is None


def test_our_frame_header_is_the_sdks() -> None:
    recorded = bytes.fromhex(recording("6.10.0/reserved")["puts"][1]["body"])
    assert pack(unpack(recorded, 1000), Family.V6)[:6] == recorded[:6]


@given(st.lists(st.binary(max_size=200), max_size=8), st.sampled_from(Family))
def test_what_is_packed_as_a_stream_is_unpacked(chunks: list[bytes], family: Family) -> None:
    # Every artifact begins with a length; bytes that begin with the magic cannot be one.
    program = encode_program(b"".join(chunks))
    packed = b"".join(pack_stream([program[:8], *chunks], family))
    assert unpack(packed, len(program)) == program


@given(st.binary(max_size=200) | st.binary(max_size=60).map(ZSTD_MAGIC.__add__), st.integers(0, 99))
def test_arbitrary_uploads_are_unpacked_within_the_limit_or_refused(
    data: bytes, limit: int
) -> None:
    with contextlib.suppress(WireError):
        assert len(unpack(data, limit)) <= limit


@given(st.integers(1, 60))
def test_a_frame_with_a_byte_flipped_is_refused_or_stays_within_the_limit(position: int) -> None:
    frame = bytearray(pack(STDIN * 3, Family.V6))
    frame[position % len(frame)] ^= 0x55
    with contextlib.suppress(WireError):
        assert len(unpack(bytes(frame), 500)) <= 500


def test_a_zstd_bomb_is_stopped_at_the_limit() -> None:
    bomb = pack(bytes(1 << 28), Family.V6)
    assert len(bomb) < 1 << 15
    unpacker = Unpacker(1 << 20)
    with pytest.raises(ArtifactTooLarge, match="1048576 bytes"):
        unpacker.feed(bomb)


def test_a_bomb_fed_slowly_is_stopped_at_the_limit() -> None:
    with pytest.raises(ArtifactTooLarge):
        fed(pack(bytes(1 << 24), Family.V6), 1 << 20, 16)


@pytest.mark.parametrize("family", Family)
def test_exactly_the_limit_is_allowed_and_one_more_byte_is_not(family: Family) -> None:
    packed = pack(b"x" * 100, family)
    assert len(unpack(packed, 100)) == 100
    with pytest.raises(ArtifactTooLarge):
        unpack(packed, 99)


def test_a_frame_that_wants_a_huge_window_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27}
    frame = zstd.ZstdCompressor(options=options)
    with pytest.raises(ArtifactTooLarge, match="window"):
        unpack(frame.compress(b"x" * 100) + frame.flush(), 1000)


@pytest.mark.parametrize("cut", range(4, len(pack(STDIN, Family.V6))))
def test_a_frame_cut_anywhere_is_told_as_such(cut: int) -> None:
    with pytest.raises(TruncatedArtifact):
        unpack(pack(STDIN, Family.V6)[:cut], 1000)


def test_a_second_frame_is_refused() -> None:
    frame = pack(STDIN, Family.V6)
    for step in (1, 7, 1000):
        with pytest.raises(ArtifactError, match="continues"):
            fed(frame + frame, 10_000, step)


@pytest.mark.parametrize("step", [1, 1000])
def test_bytes_behind_the_frame_are_refused(step: int) -> None:
    with pytest.raises(ArtifactError, match="continues"):
        fed(pack(STDIN, Family.V6) + b"\0", 10_000, step)


def test_a_broken_frame_is_refused() -> None:
    with pytest.raises(ArtifactError, match="broken"):
        unpack(ZSTD_MAGIC + b"\xff" * 20, 1000)


@pytest.mark.parametrize("data", [b"", b"\x28", ZSTD_MAGIC[:3]])
def test_what_is_too_short_to_be_a_frame_is_plain(data: bytes) -> None:
    assert unpack(data, 10) == data


def test_a_short_plain_upload_counts_against_the_limit_too() -> None:
    with pytest.raises(ArtifactTooLarge):
        unpack(b"abc", 2)
