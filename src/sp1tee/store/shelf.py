"""Where sealed files lie: on a disk (`file_shelf`) or in a bucket (`s3_shelf`).

A shelf knows nothing of keys: it holds what `sealing` made, and can read none of it. All of its
work blocks and is done in threads. It raises OSError, which the vault turns into an error of ours,
or a StoreUnavailable of its own; and FileNotFoundError for a file that is not there.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from sp1tee.store.sealing import Buffer, Layout, Piece, Sealer


class Draft(Protocol):
    """A sealed file in the making."""

    def append(self, plain: Buffer, *, last: bool) -> None:
        """Seal the next chunk: 1 MiB, less only in the last one."""

    def publish(self) -> None:
        """Make the file durable and readable under its name."""

    def discard(self) -> None:
        """Remove what there is of it."""


class SealedFile(Protocol):
    """A finished sealed file, to be read."""

    def open(self) -> None:
        """Open it.

        Raises:
            BlobDamaged: it has the wrong size, or is no sealed file.
        """

    def read(self, piece: Piece) -> bytes:
        """Read the wanted part of a chunk, which is checked whole.

        Raises:
            BlobDamaged: the chunk is not what was sealed there.
        """

    def close(self) -> None:
        """Close it, if it was opened."""


class Shelf(Protocol):
    """A place for the sealed files of one vault."""

    threads: int
    """How many may work on it at once."""
    ahead: int
    """How many chunks are worth reading before they are asked for."""
    patience_s: float
    """How long a file must have been seen without a key, unchanged, to count as a left-over.

    Nothing where one process writes and knows what it is about to record; more where others do.
    """

    def __str__(self) -> str:
        """Name the place for operators."""

    def name(self) -> bytes | None:
        """Say which vault this is, as `give_name` was told; None for one without a name."""

    def give_name(self, name: bytes) -> None:
        """Write the vault's name on the place, durably."""

    def make(self) -> None:
        """Make the place, unless it is there."""

    def draft(self, blob_id: str, sealer: Sealer) -> Draft:
        """Begin a file."""

    def sealed(self, blob_id: str, sealer: Sealer, layout: Layout) -> SealedFile:
        """Find a finished file; opening it is what fails if there is none."""

    def remove(self, blob_ids: Iterable[str]) -> None:
        """Remove files, drafts too; missing ones are fine, and what fails stays for the sweep."""

    def shards(self) -> Collection[str]:
        """Name the parts of the place, each of which is looked through at once."""

    def names(self, shard: str) -> Mapping[str, int]:
        """Name the files of a part, drafts too, each with a mark that changes while it grows."""

    def probe(self) -> None:
        """Write something and make it durable."""

    def close(self) -> None:
        """Let connections and threads go."""
