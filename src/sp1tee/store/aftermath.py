"""What follows a commit: listeners hear of it, files and traces of erased blobs go."""

import asyncio
from collections.abc import Callable
from typing import final

from sp1tee.store.database import forget_deleted
from sp1tee.store.file_vault import FileVault
from sp1tee.store.reader import Reader
from sp1tee.store.records import RequestRecord
from sp1tee.store.writer import Tx

Listener = Callable[[RequestRecord], None]


@final
class Aftermath:
    """Called on the event loop after each commit, before the caller resumes."""

    def __init__(self, vault: FileVault, reader: Reader) -> None:
        self._vault = vault
        self._reader = reader
        self._listeners: list[Listener] = []
        self._has_traces = False

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each changed request; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def committed(self, tx: Tx) -> None:
        """Tell the listeners, and have the files removed."""
        for record in tx.changed:
            self._tell(record)
        if tx.erased:
            self._has_traces = True
            self._vault.forget(tx.erased)

    async def clean(self) -> None:
        """Remove deleted keys from the write-ahead log, too, where a copy lingers."""
        if self._has_traces:
            self._has_traces = not await self._reader.aside(forget_deleted)

    def _tell(self, record: RequestRecord) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(record)
            except Exception as error:  # noqa: BLE001 - its bug must not stop the others
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "A listener of the store raised.", "exception": error}
                )
