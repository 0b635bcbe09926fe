"""What the executor and the process that runs a guest say to each other over two pipes.

To the child first, before there need be a job::

    u64 bytes of address space, u64 seconds of CPU time

From the child then: one byte, which says that it is confined. To the child, once, thereafter::

    u8 family (5 or 6), u64 cycle limit (all ones: none), u64 memory, u64 ELF length,
    u32 number of buffers, their u64 lengths, then the ELF and the buffers

From the child after the run::

    u8 verdict, u8 reason or index of a refusal, i64 exit code (-1: none), u64 cycles, u64 detail,
    u32 length of the public values, u16 length of what was printed, then both

Integers are little-endian. After it has run a guest, a child is not to be trusted: whatever does
not follow this is refused, nothing in it is text, and nothing is unpickled.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from struct import Struct
from typing import Final

from sp1tee.fulfill.executors import MAX_PRINTED
from sp1tee.fulfill.executors.elf import REFUSALS
from sp1tee.fulfill.executors.outcome import MAX_PUBLIC_VALUES, Outcome, Reason
from sp1tee.wire.versions import Family

READY: Final = b"\x01"

_ALLOWANCE: Final = Struct("<QQ")
_JOB: Final = Struct("<BQQQI")
_RESULT: Final = Struct("<BBqQQIH")
_FAMILIES: Final = {Family.V5: 5, Family.V6: 6}
_NO_LIMIT: Final = (1 << 64) - 1
_NO_EXIT_CODE: Final = -1
_MAX_EXIT_CODE: Final = (1 << 32) - 1

RESULT_HEADER_SIZE: Final = _RESULT.size


class Verdict(IntEnum):
    """What became of a job."""

    RAN = 0
    REFUSED = 1
    OUT_OF_MEMORY = 2


class FrameError(ValueError):
    """Bytes that do not follow the protocol above."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the kernel lets a child have.

    Attributes:
        address_space: bytes, the interpreter and the emulator included.
        cpu_seconds: after that it is killed.
    """

    address_space: int
    cpu_seconds: int


@dataclass(frozen=True, slots=True)
class Job:
    """One guest with its input and limits. Neither shows in a repr."""

    family: Family
    cycles: int | None
    memory_bytes: int
    elf: bytes = field(repr=False)
    stdin: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A program that the loader refused.

    Attributes:
        text: why, one of `REFUSALS`.
    """

    text: str


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The child ran out of memory of its own."""


Result = Outcome | Refused | OutOfMemory


def encode_allowance(allowance: Allowance) -> bytes:
    """Encode what a child may have."""
    return _ALLOWANCE.pack(allowance.address_space, allowance.cpu_seconds)


def read_allowance(read: Callable[[int], bytes]) -> Allowance:
    """Read it with a function that returns exactly as many bytes as it is asked for."""
    return Allowance(*_ALLOWANCE.unpack(read(_ALLOWANCE.size)))


def encode_job(job: Job) -> Iterator[bytes]:
    """Encode a job, piece by piece, so that the input is not copied."""
    cycles = _NO_LIMIT if job.cycles is None else min(job.cycles, _NO_LIMIT)
    yield _JOB.pack(_FAMILIES[job.family], cycles, job.memory_bytes, len(job.elf), len(job.stdin))
    yield Struct(f"<{len(job.stdin)}Q").pack(*map(len, job.stdin))
    yield job.elf
    yield from job.stdin


def read_job(read: Callable[[int], bytes]) -> Job:
    """Read a job with a function that returns exactly as many bytes as it is asked for."""
    family, cycles, memory_bytes, elf_size, count = _JOB.unpack(read(_JOB.size))
    sizes = Struct(f"<{count}Q")
    lengths: Sequence[int] = sizes.unpack(read(sizes.size))
    return Job(
        next(name for name, number in _FAMILIES.items() if number == family),
        None if cycles == _NO_LIMIT else cycles,
        memory_bytes,
        read(elf_size),
        tuple(read(length) for length in lengths),
    )


def encode_result(result: Result) -> bytes:
    """Encode what became of a job."""
    match result:
        case Outcome():
            code = _NO_EXIT_CODE if result.exit_code is None else result.exit_code
            values, printed = result.public_values, result.printed
            header = (Verdict.RAN, result.reason or 0, code, result.cycles, result.detail)
            return _RESULT.pack(*header, len(values), len(printed)) + values + printed
        case Refused():
            return _without_run(Verdict.REFUSED, REFUSALS.index(result.text))
        case OutOfMemory():
            return _without_run(Verdict.OUT_OF_MEMORY, 0)


def _without_run(verdict: Verdict, index: int) -> bytes:
    return _RESULT.pack(verdict, index, _NO_EXIT_CODE, 0, 0, 0, 0)


def body_size(header: bytes) -> int:
    """Read from a result's header how many bytes follow.

    Raises:
        FrameError: more than there can be.
    """
    values, printed = _RESULT.unpack(header)[-2:]
    if values > MAX_PUBLIC_VALUES or printed > MAX_PRINTED:
        raise FrameError
    return int(values + printed)


def decode_result(header: bytes, body: bytes) -> Result:
    """Read a result, trusting nothing in it.

    Raises:
        FrameError: it does not follow the protocol.
    """
    verdict, reason, exit_code, cycles, detail, values, printed = _RESULT.unpack(header)
    if values + printed != len(body) or printed > MAX_PRINTED:
        raise FrameError
    match verdict:
        case Verdict.RAN:
            ended = _decode_outcome(reason, exit_code, cycles, detail, body[:values])
            return replace(ended, printed=body[values:])
        case Verdict.REFUSED if reason < len(REFUSALS) and not body:
            return Refused(REFUSALS[reason])
        case Verdict.OUT_OF_MEMORY if not body:
            return OutOfMemory()
        case _:
            raise FrameError


def _decode_outcome(
    reason: int, exit_code: int, cycles: int, detail: int, public_values: bytes
) -> Outcome:
    if reason not in _REASONS or not _NO_EXIT_CODE <= exit_code <= _MAX_EXIT_CODE:
        raise FrameError
    clean = reason == 0
    if clean != (exit_code == 0 and not reason):
        raise FrameError
    return Outcome(
        None if clean else Reason(reason),
        detail,
        None if exit_code == _NO_EXIT_CODE else exit_code,
        cycles,
        public_values,
    )


_REASONS: Final = frozenset((0, *Reason))
