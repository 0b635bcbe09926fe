"""An upload's body: packed while it is sent, its length known before.

Stores that sign their URLs take no body of unknown length, and how long a zstd frame gets is known
only when it is made. So it is made twice: once to count, once to send. That costs processor time
(about 3 s per GiB) instead of memory or a copy of the input on disk.
"""

from collections.abc import Callable, Iterator

from sp1tee.client.inputs import Source
from sp1tee.errors import InputFileError
from sp1tee.wire.artifacts import pack_stream
from sp1tee.wire.versions import Family


class Parcel:
    """An artifact in the form in which it is uploaded.

    Attributes:
        size: how many bytes are sent.
    """

    def __init__(self, source: Source, family: Family) -> None:
        """Read the source once, to learn the size; raises what the source raises."""
        self._source = source
        self._family = family
        self.size = sum(len(chunk) for chunk in self._packed())

    def body(self, moved: Callable[[int], None]) -> "Body":
        """Start from the first byte; `moved` is told how many bytes were taken."""
        return Body(self._packed(), self.size, moved)

    def _packed(self) -> Iterator[bytes]:
        return pack_stream(self._source.chunks(), self._family)


class Body:
    """A file-like object of known length, all that requests needs to set Content-Length."""

    def __init__(self, chunks: Iterator[bytes], size: int, moved: Callable[[int], None]) -> None:
        self._chunks = chunks
        self._size = size
        self._left = size
        self._moved = moved
        self._chunk = memoryview(b"")

    def __len__(self) -> int:
        return self._size

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes, at most `count`; nothing at the end.

        Raises:
            InputFileError: there are more or fewer bytes than there were when they were counted.
        """
        while not self._chunk:
            following = next(self._chunks, None)
            if following is None:
                return self._end()
            self._chunk = memoryview(following)
        return self._take(len(self._chunk) if count < 0 else count)

    def _take(self, count: int) -> bytes:
        piece, self._chunk = self._chunk[:count], self._chunk[count:]
        self._left -= len(piece)
        if self._left < 0:
            raise _changed()
        self._moved(len(piece))
        return piece.tobytes()

    def _end(self) -> bytes:
        if self._left:
            raise _changed()
        return b""


def _changed() -> InputFileError:
    return InputFileError("The input changed while it was sent.", advice="Send it again.")
