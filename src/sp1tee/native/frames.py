"""What crosses the socket: requests as parts of a frame, answers read with trust in nothing.

A frame is a little-endian u32 length and bincode of an enum: a u32 tag, then its fields. SP1 counts
its tags from 0 (SP1 v6, crates/cuda/src/api.rs); those that ``sp1tee-prover`` adds have the highest
bit set. Requests are tuples of parts, so that a large input is never copied to be sent.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from sp1tee.errors import BincodeError, NativeGarbled
from sp1tee.wire.bincode import Reader, Writer
from sp1tee.wire.modes import Mode

NO_LIMIT: Final = (1 << 64) - 1
KEY_SIZE: Final = 32
MAX_FRAME: Final = (1 << 32) - 1
MAX_ANSWER: Final = 1 << 30
"""The longest answer that is taken; proofs are the longest ones."""

_OURS: Final = 1 << 31
_MAX_TEXT: Final = 1 << 16
_MAX_VK: Final = 1 << 16
_MAX_PUBLIC_VALUES: Final = 64 << 20
_NONCE: Final = bytes(16)

Parts: TypeAlias = tuple[bytes, ...]


class RunOutcome(IntEnum):
    """How a run ended: well, as it would anywhere, or because of the machine it ran on."""

    COMPLETED = 0
    FAILED = 1
    STOPPED = 2


@dataclass(frozen=True, slots=True)
class Done:
    """A request without a result was carried out."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """A program is ready to be proved.

    Attributes:
        key: names it from now on; the SHA-256 of the ELF.
        vk: its verifying key.
    """

    key: bytes
    vk: bytes


@dataclass(frozen=True, slots=True)
class Proved:
    """A proof: ``ProofFromNetwork`` bytes."""

    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The server says that it failed.

    Attributes:
        proving: whether the proof failed; else the server did, or found the request wrong.
        text: its words, which may quote anything.
    """

    proving: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Info:
    """Who answers.

    Attributes:
        name: the program, ``sp1tee-prover``.
        version: its own version.
        sp1_version: of the SP1 inside, e.g. ``6.10.0``.
        circuit: the circuit version of its proofs, e.g. ``v6.1.0``.
        modes: the kinds of proof it makes.
        settings: what SP1 runs with, ``NAME=value`` lines.
    """

    name: str
    version: str
    sp1_version: str
    circuit: str
    modes: frozenset[Mode]
    settings: str


@dataclass(frozen=True, slots=True)
class Executed:
    """A run that ended. What the guest wrote shows in no repr.

    Attributes:
        outcome: how.
        cause: the network's ``ExecuteFailureCause``; 0 where it has no word for it.
        exit_code: 0 where the run did not end by itself, as the next three.
        cycles: instructions executed.
        gas: prover gas.
        public_values: what the guest wrote to file descriptor 13.
        reason: why it failed, for the requester; quotes no input. Empty after a clean end.
        stdout: the last 2 KiB that the guest printed; for nobody but the requester.
        stderr: the same.
    """

    outcome: RunOutcome
    cause: int
    exit_code: int
    cycles: int
    gas: int
    public_values: bytes = field(repr=False)
    reason: str
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """What SP1's verifier says.

    Attributes:
        reason: why the proof does not hold; empty if it does.
    """

    reason: str


Answer: TypeAlias = Done | SetUp | Proved | Failed | Info | Executed | Verified


def setup(elf: bytes) -> Parts:
    """Ask to make a program ready to be proved."""
    return (Writer().u32(0).u64(len(elf)).done(), elf)


def prove(mode: Mode, key: bytes, stdin: bytes) -> Parts:
    """Ask for a proof of a program that was set up; `stdin` is an encoded ``SP1Stdin``."""
    return (Writer().u32(1).u32(mode).raw(key).done(), stdin, _NONCE)


def destroy(key: bytes) -> Parts:
    """Ask to forget a program."""
    return (Writer().u32(2).raw(key).done(),)


def info() -> Parts:
    """Ask who is there; ``sp1-gpu-server`` does not understand this and hangs up."""
    return (Writer().u32(_OURS).done(),)


def execute(
    elf: bytes, stdin: bytes, *, cycles: int | None, gas: int | None, milliseconds: int | None
) -> Parts:
    """Ask to run a program within limits, None for no limit, without proving it."""
    header = Writer().u32(_OURS + 1)
    for limit in (cycles, gas, milliseconds):
        header.u64(NO_LIMIT if limit is None else min(limit, NO_LIMIT))
    return (header.u64(len(elf)).done(), elf, stdin)


def verify(vk: bytes, public_values: bytes, proof: bytes) -> Parts:
    """Ask whether a proof holds for a program's key and public values."""
    header = Writer().u32(_OURS + 2).byte_string(vk).byte_string(public_values)
    return (header.done(), proof)


def length(parts: Parts) -> int:
    """Return how long a frame of these parts is, without its own four bytes."""
    return sum(len(part) for part in parts)


def decode_answer(frame: bytes | bytearray) -> Answer:
    """Read an answer.

    Raises:
        NativeGarbled: it is none.
    """
    try:
        return _decode(Reader(frame))
    except (BincodeError, ValueError):
        raise NativeGarbled("The native server answered with bytes that are no answer.") from None


def _decode(reader: Reader) -> Answer:
    tag = reader.u32()
    match tag:
        case 2:
            return Proved(reader.bytes(reader.remaining))
        case 3 | 4:
            return Failed(proving=tag == 3, text=reader.string(_MAX_TEXT))  # noqa: PLR2004 - a tag
        case 5:
            return Failed(proving=False, text="The connection is closed.")
    answer = _decode_exact(tag, reader)
    reader.expect_end()
    return answer


def _decode_exact(tag: int, reader: Reader) -> Answer:
    match tag:
        case 0:
            return Done()
        case 1:
            return _setup(reader)
        case 0x80000000:
            return _info(reader)
        case 0x80000001:
            return _executed(reader)
        case 0x80000002:
            return _verified(reader)
    raise BincodeError("No answer has this tag.")


def _setup(reader: Reader) -> SetUp:
    key = reader.bytes(KEY_SIZE)
    if reader.remaining > _MAX_VK:
        raise BincodeError("The verifying key is too long to be one.")
    return SetUp(key, reader.bytes(reader.remaining))


def _info(reader: Reader) -> Info:
    name, version, sp1_version, circuit = (reader.string(_MAX_TEXT) for _ in range(4))
    count = reader.u64()
    if count > len(Mode):
        raise BincodeError("There are more modes than exist.")
    modes = frozenset(Mode(reader.u32()) for _ in range(count))
    settings = reader.string(_MAX_TEXT)
    return Info(name, version, sp1_version, circuit, modes, settings)


def _executed(reader: Reader) -> Executed:
    return Executed(
        outcome=RunOutcome(reader.u32()),
        cause=reader.u32(),
        exit_code=reader.u64(),
        cycles=reader.u64(),
        gas=reader.u64(),
        public_values=reader.byte_string(_MAX_PUBLIC_VALUES),
        reason=reader.string(_MAX_TEXT),
        stdout=reader.string(_MAX_TEXT),
        stderr=reader.string(_MAX_TEXT),
    )


def _verified(reader: Reader) -> Verified:
    refuted, reason = reader.u32(), reader.string(_MAX_TEXT)
    if refuted not in {0, 1} or bool(refuted) is not bool(reason):
        raise BincodeError("A proof either holds, or there is a reason why not.")
    return Verified(reason)
