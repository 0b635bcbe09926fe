"""Reading a finished sealed file."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from io import FileIO
from pathlib import Path
from typing import Final, final

from sp1tee.store.pool import Pool, ended
from sp1tee.store.sealing import HEADER, Layout, Piece, Sealer

_AHEAD: Final = 1


@final
class BlobFile:
    """A sealed file. Blocks; raises OSError where the disk refuses."""

    def __init__(self, path: Path, sealer: Sealer, layout: Layout) -> None:
        self._path = path
        self._sealer = sealer
        self._layout = layout
        self._file: FileIO | None = None

    def open(self) -> None:
        """Open the file.

        Raises:
            BlobDamaged: it has the wrong size, or is no sealed file.
        """
        self._file = FileIO(self._path)
        size = os.fstat(self._file.fileno()).st_size
        if size != self._layout.file_size or self._read(len(HEADER), 0) != HEADER:
            raise self._sealer.damaged()

    def read(self, piece: Piece) -> bytes:
        """Read the wanted part of a chunk, which is checked whole.

        Raises:
            BlobDamaged: the chunk is not what was sealed there.
        """
        sealed = self._read(piece.sealed_size, piece.position)
        return self._sealer.open(piece.index, sealed, last=piece.last)[piece.wanted]

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._file is not None:
            self._file.close()

    def _read(self, size: int, position: int) -> bytes:
        assert self._file is not None
        return os.pread(self._file.fileno(), size, position)


async def stream(
    pool: Pool, file: BlobFile, pieces: Iterable[Piece]
) -> AsyncGenerator[bytes, None]:
    """Open a file, hand out pieces of it in order, reading one ahead of who asks, and close it."""
    begun: deque[asyncio.Future[bytes]] = deque()
    opening = pool.begin(file.open)
    try:
        await asyncio.shield(opening)
        for piece in pieces:
            begun.append(pool.begin(file.read, piece))
            if len(begun) > _AHEAD:
                yield await asyncio.shield(begun[0])
                begun.popleft()
        while begun:
            yield await asyncio.shield(begun[0])
            begun.popleft()
    finally:
        await ended([opening, *begun])
        file.close()
