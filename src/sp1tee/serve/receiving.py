"""Taking a request's body into the vault while it arrives.

At most a few MiB of it are in memory. A body that stands still, drips or grows too large ends with
an error and leaves nothing behind.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import UploadDamaged, UploadTooLarge, UploadTooSlow
from sp1tee.serve.http import Exchange
from sp1tee.serve.memory import give_back_soon
from sp1tee.store.records import SealedBlob
from sp1tee.store.vault import BlobWriter, Vault

_LARGE: Final = 16 << 20
_LONGEST_TICK_S: Final = 1.0
_TICKS_PER_IDLE: Final = 4


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow a body may be.

    Attributes:
        idle_s: how long it may stand still.
        min_rate: bytes per second it must have on average once `idle_s` have passed.
    """

    idle_s: float
    min_rate: int


async def receive_blob(
    exchange: Exchange,
    vault: Vault,
    kind: str,
    *,
    limit: int,
    patience: Patience,
    hashed: bool,
    tap: Callable[[bytes], object] | None = None,
) -> SealedBlob:
    """Take a whole body in.

    Args:
        exchange: the request.
        vault: where it goes.
        kind: what the vault calls such blobs.
        limit: how many bytes it may have; exactly as many are fine.
        patience: how slow it may be.
        hashed: whether its sha256 is wanted.
        tap: is given every piece as well.

    Raises:
        UploadTooLarge: there are more bytes.
        UploadTooSlow: patience ran out.
        UploadDamaged: Content-Length is no number.
        Gone: it breaks off.
        StoreFull: the disk is full.
        StoreUnavailable: the disk failed.
    """
    announced_size(exchange, limit)
    writer = await vault.writer(kind, hashed=hashed)
    try:
        async with asyncio.timeout(patience.idle_s) as deadline:
            await _receive(exchange, writer, limit, _Pace(patience, deadline), tap)
        return await writer.finish()
    except TimeoutError:
        raise UploadTooSlow(f"Nothing came for {patience.idle_s:g} seconds.") from None
    finally:
        await asyncio.shield(writer.abort())
        if exchange.received >= _LARGE:
            give_back_soon()


class _Pace:
    """Watches how fast a body comes; moves the deadline while it does."""

    def __init__(self, patience: Patience, deadline: asyncio.Timeout) -> None:
        self._patience = patience
        self._deadline = deadline
        self._tick = min(_LONGEST_TICK_S, patience.idle_s / _TICKS_PER_IDLE)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._looked = self._began

    def note(self, received: int) -> None:
        """Note that bytes came, `received` so far; cheap enough for every piece."""
        now = self._clock()
        if now - self._looked < self._tick:
            return
        self._looked = now
        self._deadline.reschedule(now + self._patience.idle_s)
        seconds = now - self._began
        if seconds > self._patience.idle_s and received < seconds * self._patience.min_rate:
            raise UploadTooSlow(
                f"Less than {self._patience.min_rate} bytes a second came on average."
            )


async def _receive(
    exchange: Exchange,
    writer: BlobWriter,
    limit: int,
    pace: _Pace,
    tap: Callable[[bytes], object] | None,
) -> None:
    while chunk := await exchange.read():
        if exchange.received > limit:
            raise _too_large(limit)
        pace.note(exchange.received)
        if tap is not None:
            tap(chunk)
        await writer.write(chunk)


def announced_size(exchange: Exchange, limit: int) -> int:
    """Return how many bytes a body will have at most: what its head says, or else `limit`.

    Raises:
        UploadTooLarge: it says more than `limit`.
        UploadDamaged: it says no number.
    """
    announced = exchange.header(b"content-length")
    if announced is None:
        return limit
    try:
        size = int(announced)
    except ValueError:
        raise UploadDamaged("The Content-Length is no number.") from None
    if size > limit:
        raise _too_large(limit)
    return size


def _too_large(limit: int) -> UploadTooLarge:
    return UploadTooLarge(f"An upload here may have {limit} bytes at most.")
