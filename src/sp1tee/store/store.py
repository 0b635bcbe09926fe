"""The whole store, opened as one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sp1tee.store.artifacts import Artifacts
from sp1tee.store.master_key import MasterKey
from sp1tee.store.nonces import Nonces
from sp1tee.store.programs import Programs
from sp1tee.store.records import RequestRecord, StoreLimits
from sp1tee.store.requests import Requests
from sp1tee.store.vault import Vault

Listener = Callable[[RequestRecord], None]


class Store(Protocol):
    """Everything that survives a restart."""

    requests: Requests
    artifacts: Artifacts
    programs: Programs
    nonces: Nonces
    vault: Vault

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the event loop after each committed change of a request.

        It is called before the call that made the change returns. Returns how to unsubscribe.
        """

    async def check(self) -> None:
        """Prove that the database and the vault can be written.

        Raises:
            StoreUnavailable: they can't (`StoreFull`: the disk is full).
        """

    async def aclose(self) -> None:
        """Finish what was begun and let go of the files."""


async def open_store(
    *,
    data_dir: Path,
    master_key: MasterKey,
    database_url: str | None = None,
    clock: Callable[[], float] = time.time,
    limits: StoreLimits | None = None,
) -> Store:
    """Open the store under `data_dir`, making it on first use.

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
        StoreUnavailable: the disk failed.
    """
    raise NotImplementedError
