"""Handing out a sealed file while it is read."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable

from sp1tee.store.pool import Pool, ended
from sp1tee.store.sealing import Piece
from sp1tee.store.shelf import SealedFile


async def stream(
    pool: Pool, file: SealedFile, pieces: Iterable[Piece], *, ahead: int
) -> AsyncGenerator[bytes, None]:
    """Open a file, hand out pieces of it in order, read some ahead of who asks, and close it."""
    begun: deque[asyncio.Future[bytes]] = deque()
    opening = pool.begin(file.open)
    try:
        await asyncio.shield(opening)
        for piece in pieces:
            begun.append(pool.begin(file.read, piece))
            if len(begun) > ahead:
                yield await asyncio.shield(begun[0])
                begun.popleft()
        while begun:
            yield await asyncio.shield(begun[0])
            begun.popleft()
    finally:
        await ended([opening, *begun])
        file.close()
