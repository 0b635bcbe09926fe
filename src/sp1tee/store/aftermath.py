"""What follows a commit: listeners hear of it, files and traces of erased blobs go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, final

from sp1tee.store.records import RequestRecord
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Change, Tx

T = TypeVar("T")

Listener = Callable[[RequestRecord], None]
Witness = Callable[[Change], None]


@final
class Aftermath:
    """Called on the event loop after each commit, before the caller resumes."""

    def __init__(self, vault: Vault, forget_deleted: Callable[[], Awaitable[bool]]) -> None:
        """Erase in `vault`; `forget_deleted` rids the database of traces if it can."""
        self._vault = vault
        self._forget_deleted = forget_deleted
        self._listeners: Final[list[Listener]] = []
        self._witnesses: Final[list[Witness]] = []
        self._has_traces = False

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each changed request; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def witness(self, witness: Witness) -> None:
        """Have `witness` called with each change that this server makes, before the listeners."""
        self._witnesses.append(witness)

    def committed(self, tx: Tx) -> None:
        """Tell of each change that was made here, and have the files removed."""
        for change in tx.changed:
            _call(self._witnesses, change)
            self.tell(change.after)
        if tx.erased:
            self._has_traces = True
            self._vault.forget(tx.erased)

    async def clean(self) -> None:
        """Remove deleted keys from where a copy lingers in the database, too."""
        if self._has_traces:
            self._has_traces = not await self._forget_deleted()

    def tell(self, record: RequestRecord) -> None:
        """Tell the listeners of a request's change, whoever made it."""
        _call(self._listeners, record)


def _call(listeners: list[Callable[[T], None]], what: T) -> None:
    for listener in tuple(listeners):
        try:
            listener(what)
        except Exception as error:  # noqa: BLE001 - its bug must not stop the others
            asyncio.get_running_loop().call_exception_handler(
                {"message": "A listener of the store raised.", "exception": error}
            )
