"""Which object of a bucket holds which bytes of a sealed file. Pure.

A sealed file lies in a bucket as parts of four chunks each, so that no part needs the next one to
be written or read: ``blobs/<last two letters of the id>/<id>/00000`` and so on. Put together they
are the file as it would lie on a disk.

They are objects of their own rather than the parts of an S3 multipart upload, because what is
unfinished of such an upload is in no listing and can be removed only by a life cycle rule of the
bucket: here the left-overs of a crash are plain objects, which the sweep finds and removes.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, final

from sp1tee.store.sealing import CHUNK_SIZE, HEADER, TAG_SIZE, Layout, Piece

ROOT: Final = "blobs"
PART_CHUNKS: Final = 4
PART_SIZE: Final = PART_CHUNKS * (CHUNK_SIZE + TAG_SIZE)
"""Of a part that is full; the first one has the header before."""

_SHARD: Final = 2


def folder(blob_id: str) -> str:
    """Name the folder of a blob's parts."""
    return f"{ROOT}/{blob_id[-_SHARD:]}/{blob_id}"


def part(blob_id: str, number: int) -> str:
    """Name the object of a part."""
    return f"{folder(blob_id)}/{number:05}"


def blob_of(name: str) -> str:
    """Say whose part an object is."""
    return name.split("/")[-2]


@final
class Place(NamedTuple):
    """Where bytes of a sealed file are: in which part, from where to where in it."""

    number: int
    begin: int
    end: int


@final
@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one sealed file."""

    layout: Layout

    def size(self, number: int) -> int:
        """Say how many bytes a part has."""
        end = min(_begin(number + 1), self.layout.file_size)
        return end - _begin(number)

    def place(self, piece: Piece) -> Place:
        """Find a chunk; the first one together with the header before it."""
        number = piece.index // PART_CHUNKS
        begin = piece.position - len(HEADER) if piece.index == 0 else piece.position
        end = piece.position + piece.sealed_size
        return Place(number, begin - _begin(number), end - _begin(number))


def _begin(number: int) -> int:
    """Say where a part begins in the file."""
    return number * PART_SIZE + (len(HEADER) if number else 0)
