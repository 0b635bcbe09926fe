"""The end of a Core or Compressed proof, read backwards.

Its body is in an encoding that only SP1 knows, so neither where it ends nor how long the public
values behind it are can be read forwards. The circuit version is one of a few known texts and
marks the end. Public values of k bytes are preceded by k as a u64, and the proof contains their
digest: a length that fits in both ways is the right one.
"""

import re
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from sp1tee.errors import BincodeError, ProofError
from sp1tee.wire.bincode import Reader, Writer
from sp1tee.wire.commitment import as_elements, digests
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import SUPPORTED

MAX_PUBLIC_VALUES = (1 << 24) - 1
"""The most public values that are looked for, in bytes."""

_U64 = 8
_MAX_VERSION = 16
_MAX_TEE_PROOF = 1 << 12
# Each length that fits costs a hash of as many bytes, and a search of all others. A real proof
# offers one or two; whoever forges public values full of lengths is stopped here.
_MAX_CANDIDATES = 16
_MIN_CANDIDATES = 4
_MAX_SEARCHED = 1 << 26
_NO_SHARDS = bytes(_U64)
_LENGTH_ENDS = re.compile(rb"[^\0](?=\0{5})")


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the public values in every proof."""

    sp1_version: str
    tee_proof: bytes | None = field(repr=False)


def read_tail(reader: Reader) -> Tail:
    """Read the version and, where there is one, the Option behind it, up to the end.

    Raises:
        BincodeError: that is not what is there.
    """
    version = reader.string(_MAX_VERSION)
    present = reader.remaining > 0 and reader.option_byte()
    tee_proof = reader.byte_string(_MAX_TEE_PROOF) if present else None
    reader.expect_end()
    return Tail(version, tee_proof)


def find_tail(data: bytes) -> tuple[int, Tail]:
    """Find where the tail of a whole proof begins, and read it.

    Raises:
        ProofError: no known version stands at its end.
    """
    texts = (Writer().string(version.circuit).done() for version in SUPPORTED)
    # The last one first: public values may hold such a text too.
    for start in sorted((data.rfind(text) for text in texts), reverse=True):
        if start >= 0:
            with suppress(BincodeError):
                return start, read_tail(Reader(memoryview(data)[start:]))
    known = ", ".join(version.circuit for version in SUPPORTED)
    raise ProofError(
        "The proof does not end with a known circuit version.",
        advice=f"This release reads proofs of {known}; perhaps the file is cut.",
    )


def public_values_size(front: bytes, mode: Mode, hint: bytes | None) -> int:
    """Say how many of the last bytes of `front` are public values.

    Args:
        front: body, length and public values, without variant and tail.
        mode: Core or Compressed.
        hint: what they should be; tried first, ignored if it does not fit.

    Raises:
        ProofError: no length fits, or several do and none is confirmed by the proof's digest.
    """
    if hint is not None and front.endswith(Writer().byte_string(hint).done()):
        return len(hint)
    if mode is Mode.CORE and front.startswith(_NO_SHARDS):
        return _size_without_body(front)
    affordable = max(_MAX_SEARCHED // max(len(front), 1), _MIN_CANDIDATES)
    sizes = list(islice(_fitting_sizes(front), min(affordable, _MAX_CANDIDATES)))
    for size in sizes:
        if _commits_to(front, len(front) - size):
            return size
    if len(sizes) == 1:
        return sizes[0]
    raise ProofError(
        "The proof's public values cannot be told from its body.",
        advice="It does not commit to them: have it made again.",
    )


def _size_without_body(front: bytes) -> int:
    reader = Reader(front)
    try:
        reader.bytes(_U64)
        size = len(reader.byte_string())
        reader.expect_end()
    except BincodeError:
        raise ProofError("The proof has no shards and no public values behind them.") from None
    return size


def _fitting_sizes(front: bytes) -> Iterator[int]:
    """Yield each k for which a u64 k stands right before the last k bytes, smallest first."""
    if front.endswith(_NO_SHARDS):
        yield 0
    window = front[-(MAX_PUBLIC_VALUES + _U64) :]
    # A length below 2^24 ends in five zeros; its last non-zero byte is one of the first three.
    # Kept as bare numbers: whoever forges a window full of them must not make it a list of objects.
    ends = array("I", (match.start() for match in _LENGTH_ENDS.finditer(window)))
    for end in reversed(ends):
        for start in range(end, max(end - 3, -1), -1):
            size = len(window) - start - _U64
            if size >= 0 and window[start : start + _U64] == size.to_bytes(_U64, "little"):
                yield size


def _commits_to(front: bytes, split: int) -> bool:
    wanted = map(as_elements, digests(front[split:]))
    return any(front.find(pattern, 0, split - _U64) >= 0 for pattern in wanted)
