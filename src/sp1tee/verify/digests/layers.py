"""Layers, read as streams: nothing is unpacked, and no layer is ever in memory as a whole."""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.digests._zstd import open_zstd, zstd_error

CHUNK: Final = 256 * 1024
TOTAL: Final = 32 * 1024**3
"""How many bytes a layer may unpack to: the largest CUDA images have about twenty gigabytes."""
RATIO: Final = 200
"""How much larger than its packed form a layer may become; real ones stay below forty."""
_FREE: Final = 64 * 1024**2
"""Up to here the ratio does not matter."""
HEADER: Final = 1024 * 1024
"""How long one header of a tar file may be, PAX records and long names included."""

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BLOCK: Final = 512

BROKEN: Final = (
    tarfile.TarError,
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    RecursionError,
    zlib.error,
    zstd_error,
)
"""What the modules of the standard library let out of damaged data."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: the digest of its uncompressed tar stream, and how to open what is stored of it."""

    diff_id: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


class Unpacked:
    """A layer's uncompressed tar stream: read forward only, measured and hashed on the way.

    It stands in for a file under `tarfile`, which asks for headers of any length: a single read
    is limited here.
    """

    def __init__(self, stored: IO[bytes]) -> None:
        self._counted = _Counted(stored)
        self._stream = _decompressed(io.BufferedReader(self._counted, CHUNK))
        self._hash = hashlib.sha256()
        self._at = 0
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """Read that many bytes, fewer at the end."""
        if not 0 <= size <= HEADER:
            raise EvidenceTooLarge(f"A layer has a header of more than {HEADER} bytes.")
        data = self._stream.read(size)
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        self._at += len(data)
        self._hash.update(data)
        self._last = data
        if self._at > TOTAL or self._at > max(_FREE, RATIO * self._counted.count):
            raise EvidenceTooLarge("A layer unpacks to more than anything genuine.")
        return data

    def tell(self) -> int:
        """Say how many bytes were read."""
        return self._at

    def seek(self, position: int, whence: int = 0) -> int:
        """Skip ahead to a position."""
        if whence or position < self._at:
            raise EvidenceMalformed("A layer is not a tar stream that can be read in one go.")
        while self._at < position and self.read(min(CHUNK, position - self._at)):
            pass
        return self._at

    def require(self, diff_id: str) -> None:
        """Demand that what was read is the layer of that name; raises `EvidenceMalformed`."""
        if f"sha256:{self._hash.hexdigest()}" != diff_id:
            raise EvidenceMalformed("A layer is not the one that the configuration names.")

    def finish(self) -> None:
        """Read what follows the archive's end, which must be nothing but zeros.

        The last block that the archive's reader took must be the mark of the end as well: it
        stops silently at a header that it cannot read, where an engine might read on.
        """
        data = self._last[-_BLOCK:]
        while data:
            if data.strip(b"\0"):
                raise EvidenceMalformed("A layer has something behind its end.")
            data = self.read(CHUNK)


@contextmanager
def unpacked(layer: Layer) -> Iterator[Unpacked]:
    """Open a layer; whatever is wrong with its data is an `EvidenceMalformed`."""
    try:
        with layer.open() as stored:
            yield Unpacked(stored)
    except BROKEN as error:
        raise EvidenceMalformed(f"A layer cannot be read ({type(error).__name__}).") from None


def check_layer(layer: Layer) -> None:
    """Read a layer to its end; raises `EvidenceMalformed` if it is another one."""
    with unpacked(layer) as stream:
        while stream.read(CHUNK):
            pass
    stream.require(layer.diff_id)


class _Stream(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Counted(io.RawIOBase):
    """The stored form, counted as it is read."""

    def __init__(self, stored: IO[bytes]) -> None:
        self._stored = stored
        self.count = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        data = self._stored.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def _decompressed(stored: io.BufferedReader) -> _Stream:
    """Recognise the compression by the data: media types are only names."""
    head = stored.peek(len(_ZSTD))
    if head.startswith(_GZIP):
        return gzip.GzipFile(fileobj=stored, mode="rb")
    if head.startswith(_ZSTD):
        return open_zstd(stored)
    return stored
