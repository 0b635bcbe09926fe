"""What time does to requests and blobs, done once a second."""

import asyncio
from collections.abc import Callable
from itertools import count

from sp1tee.errors import StoreError
from sp1tee.logs import get
from sp1tee.store.records import State
from sp1tee.store.store import Store

EVERY_S = 1.0
FILES_EVERY = 600
"""Sweeps between two looks at the vault's files."""

_BY_TIME_ALONE = frozenset({State.EXPIRED, State.SETTLED})

_log = get(__name__)


class Sweeper:
    """Takes lost leases back, expires what is past its deadline, erases what is past its use.

    The store's own `sweep` knows the rules and bounds each run; listeners of the store, such as
    the outbox, hear of every change. Files that nothing names any more go every ten minutes.
    """

    def __init__(self, store: Store, lost: Callable[[int], None] | None = None) -> None:
        """Sweep `store`; `lost` is told how many leases of silent workers ended."""
        self._store = store
        self._lost = lost

    async def run(self) -> None:
        """Sweep until cancelled."""
        for turn in count():
            try:
                await self._sweep(files=turn % FILES_EVERY == 0)
            except StoreError as error:
                _log.error("sweep_failed", code=error.code, error=error.message)
            await asyncio.sleep(EVERY_S)

    async def _sweep(self, *, files: bool) -> None:
        changed = await self._store.requests.sweep()
        # What did not expire, and lost no old proof, was taken from a silent worker.
        lost = sum(record.state not in _BY_TIME_ALONE for record in changed)
        if self._lost and lost:
            self._lost(lost)
        for record in changed:
            _log.info("swept", request=record.key, state=record.state.value, worker=record.worker)
        if files and (removed := await self._store.vault.sweep()):
            _log.info("files_swept", removed=removed)
