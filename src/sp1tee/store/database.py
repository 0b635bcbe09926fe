"""The database that requests are in: the interface.

`sqlite` and `postgres` hold the implementations; all that the store does in either is one code.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sp1tee.store.reader import Reader
from sp1tee.store.records import RequestRecord, StoreLimits
from sp1tee.store.writer import Tx, Writer

Clock = Callable[[], float]
"""Unix seconds."""


Held = Callable[[], bool]
"""Tells whether a right is still held."""


class Database(Protocol):
    """One kind of database, opened and up to date."""

    reader: Reader
    shared: bool
    """Other servers may work on it, and in the vault's directory, at the same time."""
    clock: Clock
    """The time that all of its servers go by."""

    def writer(self, clock: Clock, limits: StoreLimits, committed: Callable[[Tx], None]) -> Writer:
        """Begin to take jobs; `committed` is called on the event loop for each that did.

        It runs before the job's caller resumes, and must not raise.
        """

    def follow(self, tell: Callable[[RequestRecord], None]) -> None:
        """Have `tell` called on the event loop with what other servers change."""

    def exclusively(self, name: str) -> AbstractAsyncContextManager[Held]:
        """Do something that only one server at a time may do, waiting for the others.

        For what outsiders would take amiss, not for what the database must keep right: a server
        that is cut off from the database goes on with what it had begun, and should look between
        two steps whether the right to it is still held.

        Raises:
            StoreUnavailable: the database was not there to ask.
        """

    async def check(self) -> None:
        """See that what other servers change is heard of.

        Raises:
            StoreUnavailable: it isn't.
        """

    async def forget_deleted(self) -> bool:
        """Rid the database of what is left of deleted rows; False: not now."""

    async def aclose(self) -> None:
        """Let the connections go."""
