"""The whole store, opened as one."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import final

from sqlalchemy import update

from sp1tee.store.aftermath import Aftermath, Listener
from sp1tee.store.artifacts import Artifacts, SqlArtifacts
from sp1tee.store.file_vault import FileVault
from sp1tee.store.keys import SqlKeys
from sp1tee.store.master_key import MasterKey
from sp1tee.store.nonces import Nonces, SqlNonces
from sp1tee.store.opening import Ground, prepare
from sp1tee.store.programs import Programs, SqlPrograms
from sp1tee.store.reader import Reader
from sp1tee.store.records import StoreLimits
from sp1tee.store.requests import Requests
from sp1tee.store.schema import vaults
from sp1tee.store.sql_requests import SqlRequests
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Tx, Writer


@final
class Store:
    """Everything that survives a restart."""

    requests: Requests
    artifacts: Artifacts
    programs: Programs
    nonces: Nonces
    vault: Vault

    def __init__(self, ground: Ground, clock: Callable[[], float], limits: StoreLimits) -> None:
        self._ground = ground
        self._reader = Reader(ground.reading)
        self._vault = FileVault(ground.blobs, ground.wrap, SqlKeys(self._reader), clock)
        self._aftermath = Aftermath(self._vault, self._reader)
        self._writer = Writer(ground.writing, clock, limits, self._aftermath.committed)
        self.vault = self._vault
        self.nonces = SqlNonces(self._writer, self._reader)
        self.programs = SqlPrograms(self._writer, self._reader, self._vault)
        self.artifacts = SqlArtifacts(self._writer, self._reader, self._vault, clock)
        self.requests = SqlRequests(self._writer, self._reader, self._vault, self._aftermath, clock)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the event loop after each committed change of a request.

        It is called before the call that made the change returns. Returns how to stop that.
        """
        return self._aftermath.subscribe(listener)

    async def check(self) -> None:
        """Prove that the database and the vault can be written.

        Raises:
            StoreUnavailable: they can't (`StoreFull`: the disk is full).
        """
        await self._writer.run(_touch)
        await self.vault.check()

    async def aclose(self) -> None:
        """Finish what was begun and let go of the files."""
        await self._writer.aclose()
        await self._vault.aclose()
        await self._reader.aclose()
        await asyncio.to_thread(self._ground.close)


async def open_store(
    *,
    data_dir: Path,
    master_key: MasterKey,
    database_url: str | None = None,
    clock: Callable[[], float] = time.time,
    limits: StoreLimits | None = None,
) -> Store:
    """Open the store under `data_dir`, making it on first use.

    What a crash left unfinished in the vault is removed.

    Args:
        data_dir: holds the vault (``blobs/``) and, unless told otherwise, ``store.db``.
        master_key: of the vault.
        database_url: ``sqlite:///…``; default is ``store.db`` in `data_dir`.
        clock: Unix seconds.
        limits: retention and attempts.

    Raises:
        ConfigError: `database_url` is of a kind this release does not speak.
        WrongVaultKeyError: the vault was made with another key.
        StoreInUse: another server works in this directory.
        StoreTooNew: a newer release has changed the database.
        StoreMismatch: the vault in this directory belongs to another database.
        StoreUnavailable: the disk failed.
    """
    ground = await asyncio.to_thread(prepare, data_dir, database_url, master_key)
    with ExitStack() as held:
        held.callback(ground.close)
        store = Store(ground, clock, limits or StoreLimits())
        held.pop_all()
    try:
        await store.vault.sweep()
    except BaseException:
        await store.aclose()
        raise
    return store


def _touch(tx: Tx) -> None:
    """Write a row as it is: no more than that, and no less."""
    tx.connection.execute(update(vaults).values(id=vaults.c.id))
