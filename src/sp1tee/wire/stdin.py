"""A program's input, ``SP1Stdin``: buffers that the guest reads one by one.

Layout: u64 number of buffers, each a u64 length and its bytes; u64 `ptr`; u64 number of deferred
proofs; then those proofs, each followed by its verifying key, in an encoding of SP1's own.
"""

from dataclasses import dataclass, field
from typing import Self

from sp1tee.errors import BincodeError
from sp1tee.wire.bincode import Reader, Writer


@dataclass(frozen=True, slots=True)
class StdinLimits:
    """How much input is decoded.

    Attributes:
        buffers: how many buffers there may be.
        size: how many bytes the whole encoding may have.
    """

    buffers: int = 1 << 16
    size: int = 1 << 32


@dataclass(frozen=True, slots=True)
class Stdin:
    """A decoded input. Its contents are private: they show in no repr.

    Attributes:
        buffers: what the guest reads, in order.
        ptr: how many buffers have been read already; 0 in what clients send.
        proof_count: how many proofs the guest verifies (recursion).
        proofs: those proofs and their keys, as they came; empty without any.
    """

    buffers: tuple[bytes, ...] = field(repr=False)
    ptr: int = 0
    proof_count: int = 0
    proofs: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, *buffers: bytes) -> Self:
        """Make an input of plain buffers, without proofs."""
        return cls(buffers)

    def encode(self) -> bytes:
        """Encode it as the SDK does before it compresses."""
        writer = Writer().u64(len(self.buffers))
        for buffer in self.buffers:
            writer.byte_string(buffer)
        return writer.u64(self.ptr).u64(self.proof_count).raw(self.proofs).done()


def decode_stdin(data: bytes, limits: StdinLimits | None = None) -> Stdin:
    """Decode an unpacked input artifact.

    Raises:
        BincodeError: it is cut, over its limits, or something follows it that is not a proof.
    """
    limits = limits or StdinLimits()
    if len(data) > limits.size:
        raise BincodeError(f"The input is longer than {limits.size} bytes.")
    reader = Reader(data)
    buffers = tuple(reader.byte_string() for _ in range(_buffer_count(reader, limits.buffers)))
    ptr, proof_count = reader.u64(), reader.u64()
    return Stdin(buffers, ptr, proof_count, _proofs(reader, proof_count))


def _buffer_count(reader: Reader, limit: int) -> int:
    count = reader.u64()
    if count > limit:
        raise BincodeError(f"The input has more than {limit} buffers.")
    return count


def _proofs(reader: Reader, count: int) -> bytes:
    if count == 0:
        reader.expect_end()
    elif count > reader.remaining:
        raise BincodeError("The input announces more proofs than it has bytes for.")
    return reader.bytes(reader.remaining)
