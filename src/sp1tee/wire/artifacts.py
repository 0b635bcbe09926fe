"""Uploads and how they are packed: SDK 5 sends plain bytes, SDK 6 one zstd frame.

A frame made by the SDK is of level 3 (2 MiB window) and does not tell its content's size, so
unpacking streams and counts. Exactly one frame is an artifact: the SDK never sends more, and a
second frame or trailing bytes would hide data from whoever reads the first one only.
"""

import sys
from collections.abc import Iterable, Iterator

from sp1tee.errors import ArtifactError, ArtifactTooLarge, TruncatedArtifact
from sp1tee.wire.versions import Family

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_LEVEL = 3
# RFC 8878 asks decoders to support 8 MiB; a larger window would let a tiny upload claim memory.
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


def is_zstd(head: bytes) -> bool:
    """Tell from an upload's first four bytes whether it is a zstd frame.

    A plain artifact starts with a u64 length, which no real size makes look like the magic.
    """
    return head[:4] == ZSTD_MAGIC


class Unpacker:
    """Unpacks an upload as it streams in, plain or zstd, and never makes more than `limit` bytes.

    Feed it the chunks, then call `finish`. After an error it must not be fed again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._made = 0
        self._head = b""
        self._frame: zstd.ZstdDecompressor | None = None
        self._sniffed = False

    def feed(self, chunk: bytes) -> bytes:
        """Take the next chunk, of any size; return what it unpacks to, maybe nothing yet.

        Raises:
            ArtifactTooLarge: more than `limit` bytes come out, or unpacking needs a larger
                window than any SDK makes.
            ArtifactError: it is a broken frame, or something follows the frame.
        """
        if not self._sniffed:
            chunk = self._sniff(chunk)
        return self._unpack(chunk) if chunk else b""

    def finish(self) -> bytes:
        """Say that nothing follows; return what was still held back.

        Raises:
            TruncatedArtifact: the frame is not complete.
            ArtifactTooLarge: as for `feed`.
        """
        if self._frame is not None and not self._frame.eof:
            raise TruncatedArtifact("The upload ends in the middle of its zstd frame.")
        if self._sniffed:
            return b""
        self._sniffed = True
        return self._count(self._head)

    def _sniff(self, chunk: bytes) -> bytes:
        self._head += chunk
        if len(self._head) < len(ZSTD_MAGIC):
            return b""
        self._sniffed = True
        if is_zstd(self._head):
            self._frame = zstd.ZstdDecompressor(options=_OPTIONS)
        head, self._head = self._head, b""
        return head

    def _unpack(self, chunk: bytes) -> bytes:
        if self._frame is None:
            return self._count(chunk)
        if self._frame.eof:
            raise ArtifactError("The upload continues after its zstd frame.")
        # One byte more than allowed is enough to tell a bomb, whatever it would grow to.
        room = self._limit - self._made + 1
        try:
            made = self._frame.decompress(chunk, max_length=room)
        except zstd.ZstdError as error:
            raise _refused(error) from None
        if self._frame.unused_data:
            raise ArtifactError("The upload continues after its zstd frame.")
        return self._count(made)

    def _count(self, made: bytes) -> bytes:
        self._made += len(made)
        if self._made > self._limit:
            raise ArtifactTooLarge(f"The upload unpacks to more than {self._limit} bytes.")
        return made


def unpack(data: bytes, limit: int) -> bytes:
    """Unpack a whole upload to at most `limit` bytes; raises what `Unpacker` raises."""
    unpacker = Unpacker(limit)
    return unpacker.feed(data) + unpacker.finish()


def pack_stream(chunks: Iterable[bytes], family: Family) -> Iterator[bytes]:
    """Pack an artifact as the SDK of a family uploads it, chunk by chunk."""
    if family is Family.V5:
        yield from chunks
        return
    frame = zstd.ZstdCompressor(level=_LEVEL)
    for chunk in chunks:
        if packed := frame.compress(chunk):
            yield packed
    yield frame.flush()


def pack(data: bytes, family: Family) -> bytes:
    """Pack a whole artifact as the SDK of a family uploads it."""
    return b"".join(pack_stream([data], family))


def _refused(error: zstd.ZstdError) -> ArtifactError:
    if "too much memory" in str(error):
        return ArtifactTooLarge("The upload's zstd frame asks for a window of more than 8 MiB.")
    return ArtifactError("The upload's zstd frame is broken.")
