"""Programs and inputs as the SDK encodes them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import sample, vector

from sp1tee.errors import BincodeError
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.program import decode_program, encode_program
from sp1tee.wire.stdin import Stdin, StdinLimits, decode_stdin

PROGRAM = vector("bincode", "program_artifact_v5")
TWO_BUFFERS = bytes.fromhex(vector("bincode", "stdin_two_buffers_v5")["hex"])


def test_the_golden_program_is_read_and_written() -> None:
    elf, data = bytes.fromhex(PROGRAM["elf"]), bytes.fromhex(PROGRAM["hex"])
    assert decode_program(data, 100) == elf
    assert encode_program(elf) == data


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (encode_program(b"elf")[:-1], 9),
        (encode_program(b"elf") + b"\0", 9),
        (encode_program(b"elf"), 2),
        (b"", 9),
    ],
    ids=["cut", "trailing", "too long", "empty"],
)
def test_a_program_that_is_not_exact_is_refused(data: bytes, limit: int) -> None:
    with pytest.raises(BincodeError):
        decode_program(data, limit)


def test_the_golden_input_is_read_and_written() -> None:
    expected = Stdin.of(bytes.fromhex("0a000000"), b"hello")
    assert decode_stdin(TWO_BUFFERS) == expected
    assert expected.encode() == TWO_BUFFERS
    in_zstd = bytes.fromhex(vector("bincode", "stdin_two_buffers_v6")["hex"])
    assert decode_stdin(unpack(in_zstd, 100)) == expected


def test_the_empty_golden_input_is_read_and_written() -> None:
    data = bytes.fromhex(vector("bincode", "stdin_empty_v5")["hex"])
    assert decode_stdin(data) == Stdin.of()
    assert Stdin.of().encode() == data


def test_the_input_of_a_real_proof_is_read() -> None:
    numbers = [int.from_bytes(b, "little") for b in decode_stdin(sample(".stdin")).buffers]
    assert numbers == [1000, 300, 450, 275]


def test_deferred_proofs_stay_as_they_came() -> None:
    stdin = Stdin((b"a",), ptr=1, proof_count=2, proofs=b"opaque")
    assert decode_stdin(stdin.encode()) == stdin


def test_an_inputs_contents_show_in_no_repr() -> None:
    stdin = Stdin((b"marker-in-buffer",), proof_count=1, proofs=b"marker-in-proof")
    assert "marker" not in f"{stdin} {stdin!r}"


@pytest.mark.parametrize("cut", range(len(TWO_BUFFERS)))
def test_an_input_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(BincodeError):
        decode_stdin(TWO_BUFFERS[:cut])


def test_bytes_behind_an_input_without_proofs_are_refused() -> None:
    with pytest.raises(BincodeError, match="follow"):
        decode_stdin(TWO_BUFFERS + b"\0")


def test_more_buffers_than_allowed_are_refused_before_they_are_read() -> None:
    with pytest.raises(BincodeError, match="more than 1 buffers"):
        decode_stdin(TWO_BUFFERS, StdinLimits(buffers=1))
    with pytest.raises(BincodeError, match="buffers"):
        decode_stdin((2**64 - 1).to_bytes(8, "little"))


def test_an_input_over_the_size_limit_is_refused() -> None:
    with pytest.raises(BincodeError, match="longer than 10 bytes"):
        decode_stdin(TWO_BUFFERS, StdinLimits(size=10))


def test_proofs_that_are_announced_but_missing_are_refused() -> None:
    with pytest.raises(BincodeError, match="more proofs"):
        decode_stdin(Stdin((), proof_count=5, proofs=b"abcd").encode())


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 2**64 - 1))
def test_inputs_come_back(buffers: list[bytes], ptr: int) -> None:
    stdin = Stdin(tuple(buffers), ptr)
    assert decode_stdin(stdin.encode()) == stdin


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_inputs_or_bincode_errors(data: bytes) -> None:
    for decode in (decode_stdin, lambda d: decode_program(d, 100)):
        with contextlib.suppress(BincodeError):
            decode(data)
