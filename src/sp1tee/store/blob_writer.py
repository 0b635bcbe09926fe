"""Taking a blob in while it arrives."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import final

from typing_extensions import override

from sp1tee.errors import StoreUnavailable
from sp1tee.store.faults import disk_fault
from sp1tee.store.pool import Pool, ended
from sp1tee.store.records import SealedBlob
from sp1tee.store.sealing import CHUNK_SIZE, Buffer
from sp1tee.store.shelf import Draft
from sp1tee.store.vault import BlobWriter


@final
class _Chunk:
    """A chunk being gathered. Its room is used again: a fresh MiB costs more than filling it."""

    def __init__(self) -> None:
        self._room = bytearray()
        self._filled = 0

    @property
    def full(self) -> bool:
        return self._filled == CHUNK_SIZE

    def take(self, view: memoryview) -> int:
        """Take as much as fits; returns how much that was."""
        begin = self._filled
        self._filled = min(begin + len(view), CHUNK_SIZE)
        taken = self._filled - begin
        # Beyond its end the room grows, up to a whole chunk once.
        self._room[begin : self._filled] = view[:taken]
        return taken

    def content(self) -> memoryview:
        """Return what was gathered; release it before more is taken."""
        return memoryview(self._room)[: self._filled]

    def empty(self) -> None:
        self._filled = 0


@final
class SealingWriter(BlobWriter):
    """Gathers one chunk while the one before is hashed and, beside that, sealed and written.

    So it holds two chunks of content and one sealed, and `write` waits when the disk is behind.
    """

    def __init__(
        self,
        draft: Draft,
        pool: Pool,
        seal: Callable[[int, bytes], SealedBlob],
        *,
        hashed: bool,
    ) -> None:
        """Write through `draft`; `seal` makes the receipt of size and sha256."""
        self._draft = draft
        self._pool = pool
        self._seal = seal
        self._gathered = _Chunk()
        self._handled = _Chunk()
        self._content: memoryview | None = None
        self._hash = sha256() if hashed else None
        self._size = 0
        self._busy: list[asyncio.Future[None]] = []
        self._over = False

    @override
    async def write(self, chunk: Buffer) -> None:
        view = memoryview(chunk).cast("B")
        while view:
            if self._gathered.full:
                await self._pass_on(last=False)
            view = view[self._gathered.take(view) :]

    @override
    async def finish(self) -> SealedBlob:
        await self._pass_on(last=True)
        await self._caught_up()
        digest = b"" if self._hash is None else self._hash.digest()
        sealed = self._seal(self._size, digest)
        self._busy = [self._pool.begin(self._draft.publish)]
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
        self._gathered, self._handled = self._handled, self._gathered
        self._gathered.empty()
        self._content = plain = self._handled.content()
        self._size += len(plain)
        self._busy = [self._pool.begin(self._draft.append, plain, last=last)]
        if self._hash is not None:
            self._busy.append(self._pool.begin(self._hash.update, plain))

    async def _caught_up(self) -> None:
        if self._over:
            raise StoreUnavailable("This blob was given up.", advice="Write it again.")
        try:
            for work in self._busy:
                await asyncio.shield(work)
        except OSError as error:
            await self.abort()
            raise disk_fault(error, "Writing a blob") from None
        except StoreUnavailable:
            await self.abort()
            raise
        if self._content is not None:
            self._content.release()
            self._content = None
