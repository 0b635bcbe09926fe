"""Sealed blobs on a shelf, in the format of `sealing`.

All work on bytes and on the shelf happens in threads.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final, final
from weakref import WeakValueDictionary

from typing_extensions import override

from sp1tee.errors import BlobErased, Sp1teeError, StoreError, StoreUnavailable
from sp1tee.store.blob_stream import stream
from sp1tee.store.blob_writer import SealingWriter
from sp1tee.store.faults import disk_fault
from sp1tee.store.pool import Pool, ended
from sp1tee.store.records import SealedBlob
from sp1tee.store.sealing import KEY_SIZE, KeyWrap, Layout, Sealer
from sp1tee.store.shelf import Shelf
from sp1tee.store.vault import BlobWriter, Keys, Vault
from sp1tee.wire.ids import new_id

_KEY_DUE_S: Final = 3_600
"""A finished blob whose key is not recorded by then was forgotten by whoever wrote it."""


@final
class SealedVault(Vault):
    """`Vault` on whatever shelf."""

    def __init__(self, shelf: Shelf, wrap: KeyWrap, keys: Keys, clock: Callable[[], float]) -> None:
        self._shelf = shelf
        self._wrap = wrap
        self._keys = keys
        self._clock = clock
        self._pool = Pool(shelf.threads, "sp1tee-vault")
        self._writing: WeakValueDictionary[str, SealingWriter] = WeakValueDictionary()
        self._forgetting: set[asyncio.Future[None]] = set()
        self._keyless: dict[str, float] = {}
        """Blobs finished here, and since when: their keys are about to be recorded."""
        self._suspects: dict[str, tuple[int, float]] = {}
        """Files without a key: their marks, and since when they have been seen so."""

    @override
    async def writer(self, kind: str, *, hashed: bool = True) -> BlobWriter:
        blob_id, key = new_id(kind), secrets.token_bytes(KEY_SIZE)

        def receipt(size: int, digest: bytes) -> SealedBlob:
            self._keyless[blob_id] = self._clock()
            return SealedBlob(blob_id, self._wrap.wrap(blob_id, key), size, digest)

        draft = self._shelf.draft(blob_id, Sealer(blob_id, key))
        writer = SealingWriter(draft, self._pool, receipt, hashed=hashed)
        self._writing[blob_id] = writer
        return writer

    @override
    async def size(self, blob_id: str) -> int:
        row = await self._keys.key_of(blob_id)
        if row is None:
            raise _erased(blob_id)
        return row.size

    @override
    async def read(
        self, blob_id: str, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        row = await self._keys.key_of(blob_id)
        if row is None:
            raise _erased(blob_id)
        sealer = Sealer(blob_id, self._wrap.unwrap(blob_id, row.wrapped_key))
        layout = Layout(row.size)
        pieces = layout.pieces(offset, length)
        file = self._shelf.sealed(blob_id, sealer, layout)
        try:
            async with aclosing(stream(self._pool, file, pieces, ahead=self._shelf.ahead)) as read:
                async for content in read:
                    if content:
                        yield content
        except FileNotFoundError:
            raise await self._missing(sealer, blob_id) from None
        except OSError as error:
            raise disk_fault(error, "Reading a blob") from None

    @override
    async def erase_files(self, ids: Iterable[str]) -> None:
        await self._pool.run(self._shelf.remove, await self._without_key(ids))

    @override
    def forget(self, ids: Iterable[str]) -> None:
        task = asyncio.ensure_future(self._forget(list(ids)))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _forget(self, ids: Collection[str]) -> None:
        with suppress(StoreError):
            await self.erase_files(ids)

    @override
    async def sweep(self) -> int:
        try:
            strays = self._due(await self._strays())
        except OSError as error:
            raise disk_fault(error, "Sweeping the vault") from None
        await self._pool.run(self._shelf.remove, strays)
        return len(strays)

    async def _strays(self) -> dict[str, int]:
        now = self._clock()
        self._keyless = {
            blob_id: since for blob_id, since in self._keyless.items() if now - since < _KEY_DUE_S
        }
        strays: dict[str, int] = {}
        for shard in await self._pool.run(self._shelf.shards):
            found = await self._pool.run(self._shelf.names, shard)
            # Not before: a blob may have been begun while the shelf was looked at.
            own = self._keyless.keys() | set(self._writing)
            keyless = await self._without_key(found.keys() - own)
            strays |= {blob_id: found[blob_id] for blob_id in keyless}
        return strays

    def _due(self, strays: dict[str, int]) -> set[str]:
        """Keep those that have been strays for long enough, and have not grown meanwhile."""
        now = self._clock()
        before, self._suspects = self._suspects, {}
        for blob_id, mark in strays.items():
            was, since = before.get(blob_id, (mark, now))
            self._suspects[blob_id] = (mark, since if was == mark else now)
        return {
            blob_id
            for blob_id, (_, since) in self._suspects.items()
            if now - since >= self._shelf.patience_s
        }

    @override
    async def check(self) -> None:
        try:
            await self._pool.run(self._shelf.probe)
        except OSError as error:
            raise disk_fault(error, "Writing to the vault") from None

    @override
    async def aclose(self) -> None:
        """Finish what was begun."""
        await ended(self._forgetting)
        await self._pool.aclose()

    async def _without_key(self, ids: Iterable[str]) -> set[str]:
        unique = set(ids)
        return unique - await self._keys.keyed(unique)

    async def _missing(self, sealer: Sealer, blob_id: str) -> Sp1teeError:
        """Tell a blob that was erased a moment ago from one whose file is lost."""
        erased = await self._keys.key_of(blob_id) is None
        return _erased(blob_id) if erased else sealer.damaged()


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
