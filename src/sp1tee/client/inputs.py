"""A program's input on its way out: from files or given buffers, read piece by piece.

An input may be larger than memory, and its size must be known before it is sent, so every source
can be read from its start any number of times. Nothing is written anywhere: a temporary file
would be a copy of the input that nobody erases.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sp1tee.errors import BincodeError, InputFileError
from sp1tee.wire.bincode import Reader, Writer

CHUNK: Final = 1 << 20

MAX_PIPED_BYTES: Final = 1 << 30
"""How much is read from a pipe, which has to be kept in memory to be read twice."""

_U64: Final = 8


class Source(Protocol):
    """Bytes that can be read from their start any number of times."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order, from the first on.

        Raises:
            InputFileError: they cannot be read, or have become others since the first time.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file's content behind a prefix.

    Attributes:
        path: the file.
        size: how long it was when it was looked at; it must not change.
        prefix: what comes before its content.
    """

    path: Path
    size: int
    prefix: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, path: Path, *, length_first: bool = False) -> "FileSource":
        """Look at a file; with `length_first` its length comes before it, as bincode wants it.

        Raises:
            InputFileError: there is no such file.
        """
        try:
            size = path.stat().st_size
        except OSError as error:
            raise unreadable(path, error) from None
        return cls(path, size, Writer().u64(size).done() if length_first else b"")

    def chunks(self) -> Iterator[bytes]:
        """Yield the prefix, then the content."""
        yield self.prefix
        left = self.size
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(min(CHUNK, left + 1)):
                    left -= len(chunk)
                    if left < 0:
                        break
                    yield chunk
        except OSError as error:
            raise unreadable(self.path, error) from None
        if left:
            raise InputFileError(f"{self.path} changed while it was read.", advice="Try again.")


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Bytes in memory."""

    data: bytes = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield them in pieces."""
        for start in range(0, len(self.data), CHUNK):
            yield self.data[start : start + CHUNK]


@dataclass(frozen=True, slots=True)
class Chain:
    """Several sources, one behind the other."""

    parts: Sequence[Source] = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the first one's bytes, then the second one's, and so on."""
        for part in self.parts:
            yield from part.chunks()


def raw_buffers(buffers: Iterable[bytes | Path]) -> Source:
    """Make an input that the guest reads as these buffers, in order; a path means its content.

    Raises:
        InputFileError: a file cannot be read.
    """
    parts: list[Source] = []
    for buffer in buffers:
        if isinstance(buffer, Path):
            parts.append(FileSource.of(buffer, length_first=True))
        else:
            parts.append(MemorySource(Writer().byte_string(buffer).done()))
    head = MemorySource(Writer().u64(len(parts)).done())
    no_position_no_proofs = MemorySource(Writer().u64(0).u64(0).done())
    return Chain((head, *parts, no_position_no_proofs))


def saved_stdin(path: Path) -> Source:
    """Take a file that holds a bincode ``SP1Stdin``, as the SDK serialises it.

    Raises:
        InputFileError: it cannot be read, or is no ``SP1Stdin``.
    """
    source = FileSource.of(path)
    try:
        with path.open("rb") as file:
            check_stdin(file, source.size)
    except OSError as error:
        raise unreadable(path, error) from None
    return source


def piped_stdin(pipe: BinaryIO, limit: int = MAX_PIPED_BYTES) -> Source:
    """Take a bincode ``SP1Stdin`` from a pipe, into memory.

    Raises:
        InputFileError: it is longer than `limit`, or no ``SP1Stdin``.
    """
    data = pipe.read(limit + 1)
    if len(data) > limit:
        raise InputFileError(
            f"The input from the pipe is longer than {limit} bytes.",
            advice="Give it as a file, which is read piece by piece.",
        )
    check_stdin(io.BytesIO(data), len(data))
    return MemorySource(data)


def check_stdin(file: BinaryIO, size: int) -> None:
    """Walk over a serialised ``SP1Stdin`` from length to length, without reading its buffers.

    Deferred proofs at its end are in SP1's own encoding and are not looked at.

    Raises:
        InputFileError: the lengths do not lead to its end.
    """
    try:
        for _ in range(_u64(file)):
            file.seek(min(_u64(file), size), io.SEEK_CUR)
        _position, proofs = _u64(file), _u64(file)
    except BincodeError:
        raise _no_stdin() from None
    if proofs == 0 and file.tell() != size:
        raise _no_stdin()


def _u64(file: BinaryIO) -> int:
    return Reader(file.read(_U64)).u64()


def _no_stdin() -> InputFileError:
    return InputFileError(
        "This is no serialised SP1Stdin.",
        advice="Write one with the Rust SDK: `bincode::serialize(&stdin)`. "
        "For plain bytes use --input, e.g. --input @file.",
    )


def unreadable(path: Path, error: OSError) -> InputFileError:
    """Say that a file of the requester's cannot be read."""
    return InputFileError(f"{path} cannot be read: {error.strerror or 'unknown error'}.")
