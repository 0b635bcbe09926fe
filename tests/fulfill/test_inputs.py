"""What arrives is unpacked and decoded, or refused in words."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fulfilling import sample_work

from sp1tee.errors import JobFailed
from sp1tee.fulfill.inputs import InputLimits, Inputs, Programs, check_key
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.transfer import Blob, Sink
from sp1tee.wire.artifacts import pack
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family, parse_version

V6 = parse_version("sp1-v6.1.0")
V5 = parse_version("sp1-v5.0.0")


class Uploaded:
    """Hands over what was uploaded in pieces of a size, as a connection does."""

    def __init__(self, data: bytes, piece: int = 1 << 20) -> None:
        self.data, self.piece = data, piece

    async def fetch(self, _lease: Lease, _blob: Blob, _size: int, sink: Sink) -> None:
        for start in range(0, len(self.data), self.piece):
            await sink(self.data[start : start + self.piece])


def lease_of(data: bytes, **changes: Any) -> Lease:
    return Lease.from_wire(sample_work(stdin=data, **changes).to_wire())


@pytest.mark.anyio
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
async def test_an_input_is_unpacked_whatever_the_pieces(family: Family, piece: int):
    stdin = Stdin.of(b"first", b"", b"third" * 20)
    packed = pack(stdin.encode(), family)
    inputs = Inputs(Uploaded(packed, piece), InputLimits())
    assert await inputs.stdin(lease_of(packed)) == stdin


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [0, 1])
async def test_an_input_just_over_the_limit_once_unpacked_is_refused(limit: int):
    encoded = Stdin.of(bytes(1000)).encode()
    packed = pack(encoded, Family.V6)
    inputs = Inputs(Uploaded(packed), InputLimits(stdin=len(encoded) - limit))
    if limit:
        with pytest.raises(JobFailed, match="unpacks to more than"):
            await inputs.stdin(lease_of(packed))
    else:
        assert await inputs.stdin(lease_of(packed))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: pack(b, Family.V6)))
def test_any_upload_is_an_input_or_a_failure_in_words(data: bytes):
    inputs = Inputs(Uploaded(data), InputLimits(stdin=1 << 16))
    with contextlib.suppress(JobFailed):
        assert isinstance(asyncio.run(inputs.stdin(lease_of(data))), Stdin)


@pytest.mark.anyio
async def test_a_program_is_fetched_once():
    work = sample_work()
    source = Uploaded(work.elf)
    inputs = Inputs(source, InputLimits())
    lease = Lease.from_wire(work.to_wire())
    assert await inputs.program(lease) == work.elf
    source.data = b""
    assert await inputs.program(lease) == work.elf


def test_programs_are_forgotten_when_they_take_too_much_room():
    programs = Programs(10)
    programs.put(b"a", bytes(6))
    programs.put(b"b", bytes(4))
    assert programs.get(b"a")
    programs.put(b"c", bytes(4))
    assert programs.get(b"b") is None
    assert programs.get(b"a")
    programs.put(b"d", bytes(11))
    assert programs.get(b"d") is None


# --- keys ------------------------------------------------------------------------------------


def test_a_programs_own_key_fits():
    work = sample_work()
    check_key(Lease.from_wire(work.to_wire()), V6, work.elf)


def test_a_request_without_a_key_is_not_judged_by_it():
    work = sample_work(vk=b"")
    check_key(Lease.from_wire(work.to_wire()), V6, work.elf)


def test_a_v5_key_says_nothing():
    work = sample_work(vk=b"whatever")
    check_key(Lease.from_wire(work.to_wire()), V5, work.elf)


@given(st.binary(min_size=1, max_size=64))
def test_bytes_that_are_neither_program_nor_key_are_a_mismatch(elf: bytes):
    lease = Lease.from_wire(sample_work(vk=elf).to_wire())
    for vk_lease in (lease, Lease.from_wire(sample_work().to_wire())):
        with pytest.raises(JobFailed) as mismatch:
            check_key(vk_lease, V6, elf)
        assert mismatch.value.error == types_pb2.VERIFICATION_KEY_MISMATCH
