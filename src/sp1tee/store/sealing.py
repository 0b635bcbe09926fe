"""The format of a sealed file. Pure: no files, no clock.

::

    header   16 bytes, always the same: "sp1tee-blob", 0, version 1, log2 of the chunk size, 0, 0
    chunk 0  AES-256-GCM of 1 MiB, and its 16-byte tag
    …
    chunk n  the rest, 1 byte to 1 MiB; nothing at all only if the whole blob is empty

A chunk's nonce is its number, 11 bytes big-endian, and one byte that is 1 in the last chunk only
(the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár); the header is its associated
data. Each blob has a random 256-bit key, so nonces never repeat under a key, and a chunk that was
moved, dropped or brought from another blob does not open.

A blob's key is kept wrapped: 12 random bytes of nonce, then AES-256-GCM of the key under a key
derived from the vault's master key, with the blob's id as associated data.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sp1tee.errors import BlobDamaged
from sp1tee.store.master_key import MasterKey

Buffer = bytes | bytearray | memoryview

KEY_SIZE: Final = 32
TAG_SIZE: Final = 16
CHUNK_SIZE: Final = 1 << 20
HEADER: Final = b"sp1tee-blob\0" + bytes([1, CHUNK_SIZE.bit_length() - 1, 0, 0])
_NONCE_SIZE: Final = 12


@final
class KeyWrap:
    """Wraps blob keys under the master key."""

    def __init__(self, master_key: MasterKey) -> None:
        self._cipher = AESGCM(master_key.derive("sp1tee vault 1: blob keys"))
        self.check = master_key.derive("sp1tee vault 1: key check")
        """32 bytes that tell master keys apart and say nothing about them."""

    def wrap(self, blob_id: str, key: bytes) -> bytes:
        """Wrap a blob's key."""
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, key, blob_id.encode())

    def unwrap(self, blob_id: str, wrapped: bytes) -> bytes:
        """Unwrap a blob's key.

        Raises:
            BlobDamaged: it was not wrapped for this blob, or not by this vault.
        """
        nonce, sealed = wrapped[:_NONCE_SIZE], wrapped[_NONCE_SIZE:]
        try:
            return self._cipher.decrypt(nonce, sealed, blob_id.encode())
        except (InvalidTag, ValueError):
            raise BlobDamaged(f"The key of {blob_id} does not open: it was changed.") from None


@final
class Sealer:
    """Seals and opens the chunks of one blob."""

    def __init__(self, blob_id: str, key: bytes) -> None:
        self._blob_id = blob_id
        self._cipher = AESGCM(key)

    def seal(
        self, index: int, plain: Buffer, room: bytearray | memoryview, *, last: bool
    ) -> memoryview:
        """Seal one chunk into the front of `room`, which has `TAG_SIZE` bytes more at least."""
        sealed = memoryview(room)[: len(plain) + TAG_SIZE]
        self._cipher.encrypt_into(_nonce(index, last=last), plain, HEADER, sealed)
        return sealed

    def open(self, index: int, sealed: Buffer, *, last: bool) -> bytes:
        """Open one chunk.

        Raises:
            BlobDamaged: it is not what was sealed there.
        """
        try:
            return self._cipher.decrypt(_nonce(index, last=last), sealed, HEADER)
        except (InvalidTag, ValueError):
            raise self.damaged() from None

    def damaged(self) -> BlobDamaged:
        """Say that the blob is not what was sealed."""
        return BlobDamaged(f"The sealed file of {self._blob_id} is not what was written.")


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(_NONCE_SIZE - 1, "big") + bytes([last])


@final
@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk and the part of its content that is wanted."""

    index: int
    last: bool
    position: int
    """Where its sealed bytes begin in the file."""
    sealed_size: int
    wanted: slice
    """Of the chunk's content."""


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in the sealed file of a blob."""

    size: int
    """Of the content, in bytes."""

    @property
    def chunks(self) -> int:
        """How many there are: at least one."""
        return max(1, -(-self.size // CHUNK_SIZE))

    @property
    def file_size(self) -> int:
        """Of the whole sealed file, in bytes."""
        return len(HEADER) + self.size + self.chunks * TAG_SIZE

    def pieces(self, offset: int, length: int | None) -> Iterator[Piece]:
        """Name the chunks that a range touches; an empty blob's one chunk is always read."""
        end = self.size if length is None else min(self.size, offset + length)
        if self.size == 0:
            yield self._piece(0, slice(0, 0))
        elif offset < end:
            for index in range(offset // CHUNK_SIZE, -(-end // CHUNK_SIZE)):
                start = index * CHUNK_SIZE
                yield self._piece(index, slice(max(0, offset - start), end - start))

    def _piece(self, index: int, wanted: slice) -> Piece:
        content = min(CHUNK_SIZE, self.size - index * CHUNK_SIZE)
        position = len(HEADER) + index * (CHUNK_SIZE + TAG_SIZE)
        return Piece(index, index == self.chunks - 1, position, content + TAG_SIZE, wanted)
