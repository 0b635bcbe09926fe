"""Sealed blobs as files.

``blobs/<last two letters of the id>/<id>``, in the format of `sealing`; ``blobs/incoming/<id>``
while a blob is being written. All work on bytes and on the disk happens in threads.
"""

import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Protocol, final
from weakref import WeakValueDictionary

from typing_extensions import override

from sp1tee.errors import BlobErased, Sp1teeError, StoreError, StoreUnavailable
from sp1tee.store.blob_file import BlobFile, stream
from sp1tee.store.blob_writer import FileBlobWriter
from sp1tee.store.draft import Draft
from sp1tee.store.faults import disk_fault
from sp1tee.store.pool import Pool
from sp1tee.store.records import SealedBlob
from sp1tee.store.sealing import KEY_SIZE, KeyWrap, Layout, Sealer
from sp1tee.store.vault import BlobWriter, Vault
from sp1tee.wire.ids import new_id

INCOMING: Final = "incoming"
_SHARD: Final = 2
_THREADS: Final = 4
_PROBE_SIZE: Final = 4096
_KEY_DUE_S: Final = 3_600
"""A finished blob whose key is not recorded by then was forgotten by whoever wrote it."""


class Keys(Protocol):
    """Where the wrapped keys are. Quick: asked on the event loop."""

    def key_of(self, blob_id: str) -> SealedBlob | None:
        """Find a blob's row."""

    def keyed(self, blob_ids: Collection[str]) -> set[str]:
        """Say which of some blobs have one."""


@final
class FileVault(Vault):
    """`Vault` in a directory of its own."""

    def __init__(
        self, directory: Path, wrap: KeyWrap, keys: Keys, clock: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._wrap = wrap
        self._keys = keys
        self._clock = clock
        self._pool = Pool(_THREADS, "sp1tee-vault")
        self._writing: WeakValueDictionary[str, FileBlobWriter] = WeakValueDictionary()
        self._keyless: dict[str, float] = {}
        """Finished blobs, and since when: their keys are about to be recorded."""

    @override
    async def writer(self, kind: str, *, hashed: bool = True) -> BlobWriter:
        blob_id, key = new_id(kind), secrets.token_bytes(KEY_SIZE)

        def receipt(size: int, digest: bytes) -> SealedBlob:
            self._keyless[blob_id] = self._clock()
            return SealedBlob(blob_id, self._wrap.wrap(blob_id, key), size, digest)

        draft = Draft(self._directory / INCOMING / blob_id, Sealer(blob_id, key))
        writer = FileBlobWriter(draft, self._path(blob_id), self._pool, receipt, hashed=hashed)
        self._writing[blob_id] = writer
        return writer

    @override
    async def size(self, blob_id: str) -> int:
        row = self._keys.key_of(blob_id)
        if row is None:
            raise _erased(blob_id)
        return row.size

    @override
    async def read(
        self, blob_id: str, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        row = self._keys.key_of(blob_id)
        if row is None:
            raise _erased(blob_id)
        sealer = Sealer(blob_id, self._wrap.unwrap(blob_id, row.wrapped_key))
        layout = Layout(row.size)
        file = BlobFile(self._path(blob_id), sealer, layout)
        try:
            async with aclosing(stream(self._pool, file, layout.pieces(offset, length))) as pieces:
                async for content in pieces:
                    if content:
                        yield content
        except FileNotFoundError:
            raise self._missing(sealer, blob_id) from None
        except OSError as error:
            raise disk_fault(error, "Reading a blob") from None

    @override
    async def erase_files(self, ids: Iterable[str]) -> None:
        await self._pool.run(self._unlink, self._without_key(ids))

    def forget(self, ids: Iterable[str]) -> None:
        """Begin what `erase_files` does, and don't wait: what fails is the next sweep's."""
        with suppress(StoreError):
            self._pool.begin(self._unlink, self._without_key(ids))

    @override
    async def sweep(self) -> int:
        try:
            strays = await self._strays()
        except OSError as error:
            raise disk_fault(error, "Sweeping the vault") from None
        await self._pool.run(self._unlink, strays)
        return len(strays)

    async def _strays(self) -> set[str]:
        self._keyless = {
            blob_id: since
            for blob_id, since in self._keyless.items()
            if self._clock() - since < _KEY_DUE_S
        }
        strays = set(await self._pool.run(_names, self._directory / INCOMING))
        for shard in await self._pool.run(_names, self._directory):
            if len(shard) == _SHARD:
                names = await self._pool.run(_names, self._directory / shard)
                strays |= self._without_key(names)
        return strays - self._keyless.keys() - set(self._writing)

    @override
    async def check(self) -> None:
        try:
            await self._pool.run(self._probe)
        except OSError as error:
            raise disk_fault(error, "Writing to the vault") from None

    async def aclose(self) -> None:
        """Finish what was begun."""
        await self._pool.aclose()

    def _path(self, blob_id: str) -> Path:
        return self._directory / blob_id[-_SHARD:] / blob_id

    def _without_key(self, ids: Iterable[str]) -> set[str]:
        unique = set(ids)
        return unique - self._keys.keyed(unique)

    def _unlink(self, ids: Iterable[str]) -> None:
        for blob_id in ids:
            # A file that stays behind is unreadable, and the next sweep's.
            with suppress(OSError):
                self._path(blob_id).unlink(missing_ok=True)
                (self._directory / INCOMING / blob_id).unlink(missing_ok=True)

    def _missing(self, sealer: Sealer, blob_id: str) -> Sp1teeError:
        """Tell a blob that was erased a moment ago from one whose file is lost."""
        return _erased(blob_id) if self._keys.key_of(blob_id) is None else sealer.damaged()

    def _probe(self) -> None:
        with TemporaryFile(dir=self._directory / INCOMING, buffering=0) as file:
            file.write(bytes(_PROBE_SIZE))
            os.fsync(file.fileno())


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in os.scandir(directory)]


def _erased(blob_id: str) -> BlobErased:
    return BlobErased(f"The blob {blob_id} is not in the vault, or not any more.")


@asynccontextmanager
async def removed_if_refused(vault: Vault, sealed: SealedBlob) -> AsyncIterator[None]:
    """Remove a finished blob's file if its key is not recorded for good.

    After `StoreUnavailable` it stays: recording its key may be tried again.
    """
    try:
        yield
    except StoreUnavailable:
        raise
    except Sp1teeError:
        await vault.erase_files([sealed.id])
        raise
