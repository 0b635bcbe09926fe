"""What time does to requests and blobs, done once a second."""

import asyncio
from itertools import count

from sp1tee.errors import StoreError
from sp1tee.logs import get
from sp1tee.store.store import Store

EVERY_S = 1.0
FILES_EVERY = 600
"""Sweeps between two looks at the vault's files."""

_log = get(__name__)


class Sweeper:
    """Takes lost leases back, expires what is past its deadline, erases what is past its use.

    The store's own `sweep` knows the rules and bounds each run; listeners of the store, such as
    the outbox, hear of every change. Files that nothing names any more go every ten minutes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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
        for record in changed:
            _log.info("swept", request=record.key, state=record.state.value)
        if files and (removed := await self._store.vault.sweep()):
            _log.info("files_swept", removed=removed)
