"""Inputs are streamed: what the SDK saved, or plain buffers put into its form."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import sample

from sp1tee.client.inputs import (
    CHUNK,
    Source,
    check_stdin,
    piped_stdin,
    raw_buffers,
    saved_stdin,
)
from sp1tee.errors import BincodeError, InputFileError
from sp1tee.wire.stdin import Stdin, decode_stdin


def content(source: Source) -> bytes:
    return b"".join(source.chunks())


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_raw_buffers_are_encoded_as_the_wire_wants_them(buffers: list[bytes]) -> None:
    assert content(raw_buffers(buffers)) == Stdin.of(*buffers).encode()


def test_a_buffer_may_be_a_files_content(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(3 * CHUNK + 1))
    source = raw_buffers([b"first", path])
    assert content(source) == Stdin.of(b"first", bytes(3 * CHUNK + 1)).encode()
    assert max(map(len, source.chunks())) <= CHUNK


def test_a_source_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_bytes(sample(".stdin"))
    for source in (saved_stdin(path), piped_stdin(io.BytesIO(sample(".stdin")))):
        assert content(source) == content(source) == sample(".stdin")


def test_proofs_inside_an_input_are_let_through(tmp_path: Path) -> None:
    path = tmp_path / "saved"
    path.write_bytes(Stdin((b"x",), proof_count=1, proofs=b"opaque").encode())
    assert content(saved_stdin(path)).endswith(b"opaque")


def test_a_pipe_is_not_read_without_end() -> None:
    with pytest.raises(InputFileError, match="longer than 10 bytes"):
        piped_stdin(io.BytesIO(bytes(11)), limit=10)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just some text that a person wanted to prove",
        Stdin.of(b"x").encode()[:-1],
        Stdin.of(b"x").encode() + b"\0",
        (1 << 60).to_bytes(8, "little") + bytes(16),
        (1).to_bytes(8, "little") + (1 << 63).to_bytes(8, "little") + bytes(16),
    ],
)
def test_what_is_no_saved_input_is_refused_with_the_way_to_send_plain_bytes(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "saved"
    path.write_bytes(data)
    with pytest.raises(InputFileError, match="no serialised SP1Stdin") as caught:
        saved_stdin(path)
    assert "--input" in caught.value.advice


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for take in (saved_stdin, lambda path: raw_buffers([path])):
        with pytest.raises(InputFileError, match="nothing cannot be read: No such file"):
            take(tmp_path / "nothing")


def test_no_source_shows_its_content(tmp_path: Path) -> None:
    sources = [raw_buffers([b"SECRET"]), piped_stdin(io.BytesIO(Stdin.of(b"SECRET").encode()))]
    assert "SECRET" not in repr(sources)


@given(st.binary(max_size=200))
def test_the_walk_agrees_with_the_decoder(data: bytes) -> None:
    try:
        decoded = decode_stdin(data)
    except BincodeError:
        decoded = None
    try:
        check_stdin(io.BytesIO(data), len(data))
    except InputFileError:
        assert decoded is None
    else:
        assert decoded is not None or len(data) > 24


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_every_encoded_input_passes_the_walk(buffers: list[bytes]) -> None:
    data = Stdin.of(*buffers).encode()
    check_stdin(io.BytesIO(data), len(data))
