"""Frames, deadlines and header texts, as strangers send them."""

import contextlib
import gzip

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import vectors

from sp1tee.serve.framing import (
    CallError,
    frame,
    metadata_of,
    only_message,
    status_text,
    timeout_of,
    trailers_of,
)

LIMIT = 1000


def refused(body: bytes, encoding: bytes = b"") -> CallError:
    with pytest.raises(CallError) as caught:
        only_message(body, encoding, LIMIT)
    return caught.value


def compressed(data: bytes) -> bytes:
    return b"\x01" + len(data).to_bytes(4, "big") + data


def test_frames_are_those_of_the_golden_vectors():
    golden = vectors()["grpc_framing"]
    assert frame(bytes.fromhex(golden["message"])).hex() == golden["frame"]
    assert frame(b"").hex() == golden["empty_message_frame"]


@given(st.binary(max_size=LIMIT))
def test_a_framed_message_is_read_back(message: bytes):
    assert only_message(frame(message), b"", LIMIT) == message


@given(st.binary(max_size=LIMIT))
def test_a_gzipped_message_is_read_back(message: bytes):
    assert only_message(compressed(gzip.compress(message)), b"gzip", LIMIT + 100) == message


@given(st.binary(max_size=64), st.sampled_from([b"", b"identity", b"gzip", b"snappy"]))
def test_whatever_comes_is_a_message_or_a_call_error(body: bytes, encoding: bytes):
    with contextlib.suppress(CallError):
        assert len(only_message(body, encoding, LIMIT)) <= LIMIT


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (b"", b"", StatusCode.UNIMPLEMENTED),
        (b"\0", b"", StatusCode.INTERNAL),
        (b"\0\0\0\0", b"", StatusCode.INTERNAL),
        (frame(b"abc")[:-1], b"", StatusCode.INTERNAL),
        (frame(b"abc") + frame(b""), b"", StatusCode.UNIMPLEMENTED),
        (b"\x02" + frame(b"abc")[1:], b"", StatusCode.INTERNAL),
        (b"\0\xff\xff\xff\xff", b"", StatusCode.RESOURCE_EXHAUSTED),
        (frame(bytes(LIMIT + 1)), b"", StatusCode.RESOURCE_EXHAUSTED),
        (compressed(b"abc"), b"", StatusCode.INTERNAL),
        (compressed(b"abc"), b"gzip", StatusCode.INTERNAL),
        (compressed(gzip.compress(b"abc")[:-1]), b"gzip", StatusCode.INTERNAL),
        (compressed(gzip.compress(bytes(LIMIT + 1))), b"gzip", StatusCode.RESOURCE_EXHAUSTED),
        (compressed(b"abc"), b"snappy", StatusCode.UNIMPLEMENTED),
    ],
)
def test_a_broken_frame_ends_with_the_status_grpc_names(
    body: bytes, encoding: bytes, code: StatusCode
):
    assert refused(body, encoding).code is code


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"3S", 3), (b"1H", 3600), (b"2M", 120), (b"5m", 0.005), (b"7u", 7e-6), (b"9n", 9e-9)],
)
def test_a_deadline_is_read_in_every_unit(value: bytes, seconds: float):
    assert timeout_of(value) == pytest.approx(seconds)


@given(st.binary(max_size=12))
def test_any_deadline_is_seconds_or_ignored(value: bytes):
    seconds = timeout_of(value)
    assert seconds is None or seconds >= 0


@given(st.text(max_size=5000))
def test_any_text_fits_into_a_header(text: str):
    written = status_text(text)
    assert all(0x20 <= byte < 0x7F for byte in written)
    assert len(written) <= 4000


@given(st.lists(st.tuples(st.sampled_from(["a", "b-bin"]), st.text() | st.binary())))
def test_any_trailing_metadata_fits_into_headers(pairs: list[tuple[str, str | bytes]]):
    for _, value in trailers_of(pairs):
        assert all(0x20 <= byte < 0x7F for byte in value)


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary())))
def test_any_headers_can_be_read_as_metadata(headers: list[tuple[bytes, bytes]]):
    assert len(metadata_of(headers)) <= len(headers)
