"""Sealed blobs: the interface. `sealed_vault` implements it, on any `shelf`."""

from collections.abc import AsyncGenerator, Collection, Iterable
from typing import Protocol

from sp1tee.store.records import SealedBlob


class Keys(Protocol):
    """Where the wrapped keys are."""

    async def key_of(self, blob_id: str) -> SealedBlob | None:
        """Find a blob's row."""

    async def keyed(self, blob_ids: Collection[str]) -> set[str]:
        """Say which of some blobs have one."""


class BlobWriter(Protocol):
    """Takes a blob's content piece by piece; keeps at most a few MiB of it in memory."""

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Take the next bytes; waits while the disk is behind. `chunk` may be reused afterwards.

        Raises:
            StoreFull: the disk is full; the blob is gone.
            StoreUnavailable: the disk failed; the blob is gone.
        """

    async def finish(self) -> SealedBlob:
        """Put the blob on disk for good (fsync). Nobody can read it until its key is recorded.

        Raises:
            StoreFull: the disk is full; the blob is gone.
            StoreUnavailable: the disk failed; the blob is gone.
        """

    async def abort(self) -> None:
        """Forget the blob. Does nothing after `finish` or a second time."""


class Vault(Protocol):
    """Blobs that can be read only through a key the database holds.

    Erasing a blob is deleting its key, in the transaction that ends its use; the file goes next.
    """

    async def writer(self, kind: str, *, hashed: bool = True) -> BlobWriter:
        """Start a blob. `kind` (``stdin``, ``program``, ``proof``) is for operators' eyes only.

        Without `hashed` its sha256 stays empty: that is most of the work on a large blob, and the
        seal protects its content anyway.

        Raises:
            StoreFull: the disk is full.
            StoreUnavailable: the disk failed.
        """

    async def size(self, blob_id: str) -> int:
        """Say how many bytes a blob's content has.

        Raises:
            BlobErased: there is no such blob, or no longer.
        """

    def read(
        self, blob_id: str, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Stream the content from `offset`, `length` bytes or to the end, as a slice would.

        Every piece was authenticated before it is handed out. Wrap the iterator in
        `contextlib.aclosing` where the loop over it may end early.

        Raises:
            BlobErased: there is no such blob, or no longer.
            BlobDamaged: the file is not what was written.
            StoreUnavailable: the disk failed.
        """

    async def erase_files(self, ids: Iterable[str]) -> None:
        """Remove the files of blobs whose keys are gone; missing ones are fine."""

    def forget(self, ids: Iterable[str]) -> None:
        """Begin what `erase_files` does, and don't wait: what fails is the next sweep's."""

    async def sweep(self) -> int:
        """Remove files that have no key, as a crash leaves them, and say how many.

        Looks at every file: for once an hour. Where several servers share a shelf, a file goes
        after it was seen without a key for as long as one may take to record it.

        Raises:
            StoreUnavailable: the disk failed.
        """

    async def check(self) -> None:
        """Prove that the vault can be written.

        Raises:
            StoreFull: the disk is full.
            StoreUnavailable: the disk failed.
        """

    async def aclose(self) -> None:
        """Finish what was begun."""
