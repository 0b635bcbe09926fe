"""bincode 1.3: what is read, what is written, and what is refused."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import BincodeError
from sp1tee.wire.bincode import Reader, Writer

READS = {
    "u8": lambda r: r.u8(),
    "u32": lambda r: r.u32(),
    "u64": lambda r: r.u64(),
    "bytes": lambda r: r.bytes(4),
    "byte_string": lambda r: r.byte_string(),
    "string": lambda r: r.string(),
    "option_byte": lambda r: r.option_byte(),
}


def test_every_kind_of_value_comes_back() -> None:
    data = (
        Writer().u8(7).u32(2**32 - 1).u64(2**64 - 1).raw(b"ab").byte_string(b"c").string("é").done()
    )
    reader = Reader(memoryview(data))
    assert (reader.u8(), reader.u32(), reader.u64()) == (7, 2**32 - 1, 2**64 - 1)
    assert (reader.bytes(2), reader.byte_string(), reader.string()) == (b"ab", b"c", "é")
    assert (reader.position, reader.remaining) == (len(data), 0)
    reader.expect_end()


def test_numbers_are_little_endian_and_lengths_are_u64() -> None:
    assert Writer().u32(1).byte_string(b"x").done().hex() == "01000000" + "0100000000000000" + "78"


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_nothing_can_be_read_from_nothing(read: Callable[[Reader], object]) -> None:
    with pytest.raises(BincodeError, match="ends early"):
        read(Reader(b""))


def test_a_length_beyond_the_input_is_refused_before_anything_is_allocated() -> None:
    with pytest.raises(BincodeError, match="ends early"):
        Reader((2**64 - 1).to_bytes(8, "little")).byte_string()


def test_a_length_over_the_limit_is_refused() -> None:
    data = Writer().byte_string(b"abcd").done()
    assert Reader(data).byte_string(4) == b"abcd"
    with pytest.raises(BincodeError, match="3 bytes allowed"):
        Reader(data).byte_string(3)
    with pytest.raises(BincodeError, match="3 bytes allowed"):
        Reader(data).string(3)


@pytest.mark.parametrize("tag", [2, 255])
def test_an_option_is_absent_or_present_and_nothing_else(tag: int) -> None:
    assert [Reader(bytes([t])).option_byte() for t in (0, 1)] == [False, True]
    with pytest.raises(BincodeError):
        Reader(bytes([tag])).option_byte()


def test_a_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BincodeError, match="UTF-8"):
        Reader(Writer().byte_string(b"\xff").done()).string()


def test_bytes_left_over_are_an_error_where_the_end_is_expected() -> None:
    with pytest.raises(BincodeError, match="2 bytes follow"):
        Reader(b"ab").expect_end()


@pytest.mark.parametrize(("write", "value"), [("u8", 256), ("u32", 2**32), ("u64", 2**64)])
def test_a_number_that_does_not_fit_is_refused(write: str, value: int) -> None:
    for number in (value, -1):
        with pytest.raises(BincodeError, match="fit"):
            getattr(Writer(), write)(number)


@given(st.binary(max_size=64), st.lists(st.sampled_from(sorted(READS)), max_size=6))
def test_arbitrary_bytes_are_values_or_bincode_errors(data: bytes, reads: list[str]) -> None:
    reader = Reader(data)
    with contextlib.suppress(BincodeError):
        for name in reads:
            READS[name](reader)
        reader.expect_end()
    assert 0 <= reader.remaining <= len(data)
