"""The whole store, opened as one."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import final

from sqlalchemy import update

from sp1tee.store.aftermath import Aftermath, Listener, Witness
from sp1tee.store.artifacts import Artifacts, SqlArtifacts
from sp1tee.store.database import Clock, Held
from sp1tee.store.identities import Identities, SqlIdentities
from sp1tee.store.keys import SqlKeys
from sp1tee.store.master_key import MasterKey
from sp1tee.store.nonces import Nonces, SqlNonces
from sp1tee.store.opening import Ground, prepare
from sp1tee.store.programs import Programs, SqlPrograms
from sp1tee.store.records import StoreLimits
from sp1tee.store.requests import Requests
from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.schema import vaults
from sp1tee.store.sealed_vault import SealedVault
from sp1tee.store.sql_requests import SqlRequests
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Tx


@final
class Store:
    """Everything that survives a restart."""

    requests: Requests
    artifacts: Artifacts
    programs: Programs
    nonces: Nonces
    identities: Identities
    vault: Vault
    clock: Clock
    """The time that everything here goes by; with several servers, the same for all."""

    def __init__(self, ground: Ground, clock: Clock | None, limits: StoreLimits) -> None:
        self._ground = ground
        self._database = database = ground.database
        self.clock = clock = clock or database.clock
        self._reader = database.reader
        self.vault = SealedVault(ground.shelf, ground.wrap, SqlKeys(self._reader), clock)
        self._aftermath = Aftermath(self.vault, database.forget_deleted)
        self._writer = database.writer(clock, limits, self._aftermath.committed)
        database.follow(self._aftermath.tell)
        self.identities = SqlIdentities(self._writer, self._reader)
        self.nonces = SqlNonces(self._writer, self._reader)
        self.programs = SqlPrograms(self._writer, self._reader, self.vault)
        self.artifacts = SqlArtifacts(self._writer, self._reader, self.vault, clock)
        self.requests = SqlRequests(self._writer, self._reader, self.vault, self._aftermath, clock)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the event loop after each committed change of a request.

        It is called before the call that made the change returns; with what other servers change
        soon after. Returns how to stop that.
        """
        return self._aftermath.subscribe(listener)

    def witness(self, witness: Witness) -> None:
        """Call `witness` with each change that this server makes, before the listeners.

        For what must be told of once: of several servers, one makes each change.
        """
        self._aftermath.witness(witness)

    async def check(self) -> None:
        """Prove that the database and the vault can be written.

        Raises:
            StoreUnavailable: they can't (`StoreFull`: the disk is full).
        """
        await self._writer.run(_touch)
        await self._database.check()
        await self.vault.check()

    @property
    def shared(self) -> bool:
        """Whether other servers may be at work on the same requests."""
        return self._database.shared

    def exclusively(self, name: str) -> AbstractAsyncContextManager[Held]:
        """Do something that only one of the servers that share this store may do at a time.

        The block is given what tells whether that is still so: a server that is cut off from the
        database loses the right to go on.

        Raises:
            StoreUnavailable: the database was not there to ask.
        """
        return self._database.exclusively(name)

    async def aclose(self) -> None:
        """Finish what was begun and let go of the files."""
        await self._writer.aclose()
        await self.vault.aclose()
        await self._ground.aclose()


async def open_store(
    *,
    data_dir: Path,
    master_key: MasterKey,
    database_url: str | None = None,
    bucket: Bucket | None = None,
    clock: Clock | None = None,
    limits: StoreLimits | None = None,
) -> Store:
    """Open the store under `data_dir`, making it on first use.

    What a crash left unfinished in the vault is removed.

    Args:
        data_dir: holds, unless told otherwise, ``store.db`` and the vault (``blobs/``).
        master_key: of the vault.
        database_url: ``sqlite:///…`` or ``postgresql://…``; default is ``store.db`` in `data_dir`.
        bucket: of the vault's sealed files; default is ``blobs/`` in `data_dir`.
        clock: Unix seconds; by default those that the database's servers go by.
        limits: retention and attempts.

    Raises:
        ConfigError: `database_url` is of a kind this release does not speak.
        WrongVaultKeyError: the vault was made with another key.
        StoreInUse: another server works in this directory.
        StoreTooNew: a newer release has changed the database.
        StoreMismatch: the vault in this directory belongs to another database.
        StoreUnavailable: the disk failed.
    """
    ground = await prepare(data_dir, database_url, bucket, master_key)
    store = Store(ground, clock, limits or StoreLimits())
    try:
        await store.vault.sweep()
    except BaseException:
        await store.aclose()
        raise
    return store


def _touch(tx: Tx) -> None:
    """Write a row as it is: no more than that, and no less."""
    tx.connection.execute(update(vaults).values(id=vaults.c.id))
