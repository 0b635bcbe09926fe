"""Taking a blob in while it arrives."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import final

from typing_extensions import override

from sp1tee.errors import StoreUnavailable
from sp1tee.store.draft import Draft
from sp1tee.store.faults import disk_fault
from sp1tee.store.pool import Pool, ended
from sp1tee.store.records import SealedBlob
from sp1tee.store.sealing import CHUNK_SIZE, Buffer
from sp1tee.store.vault import BlobWriter


@final
class FileBlobWriter(BlobWriter):
    """Gathers one chunk while the one before is hashed and, beside that, sealed and written.

    So it holds two chunks of content and one sealed, and `write` waits when the disk is behind.
    """

    def __init__(
        self, draft: Draft, target: Path, pool: Pool, seal: Callable[[int, bytes], SealedBlob]
    ) -> None:
        """Write through `draft` to `target`; `seal` makes the receipt of size and sha256."""
        self._draft = draft
        self._target = target
        self._pool = pool
        self._seal = seal
        self._buffer = bytearray()
        self._hash = sha256()
        self._size = 0
        self._busy: list[asyncio.Future[None]] = []
        self._over = False

    @override
    async def write(self, chunk: Buffer) -> None:
        view = memoryview(chunk).cast("B")
        while view:
            if len(self._buffer) == CHUNK_SIZE:
                await self._pass_on(last=False)
            room = CHUNK_SIZE - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]

    @override
    async def finish(self) -> SealedBlob:
        await self._pass_on(last=True)
        await self._caught_up()
        sealed = self._seal(self._size, self._hash.digest())
        self._busy = [self._pool.begin(self._draft.publish, self._target)]
        await self._caught_up()
        self._over = True
        return sealed

    @override
    async def abort(self) -> None:
        if not self._over:
            self._over = True
            await ended(self._busy)
            await self._pool.run(self._draft.discard)

    async def _pass_on(self, *, last: bool) -> None:
        """Hand the gathered chunk to the threads once they are done with the one before."""
        await self._caught_up()
        plain, self._buffer = self._buffer, bytearray()
        self._size += len(plain)
        self._busy = [
            self._pool.begin(self._hash.update, plain),
            self._pool.begin(self._draft.append, plain, last=last),
        ]

    async def _caught_up(self) -> None:
        if self._over:
            raise StoreUnavailable("This blob was given up.", advice="Write it again.")
        try:
            for work in self._busy:
                await asyncio.shield(work)
        except OSError as error:
            await self.abort()
            raise disk_fault(error, "Writing a blob") from None
