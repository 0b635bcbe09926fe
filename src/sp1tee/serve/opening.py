"""Opening what a server keeps: its directory, its keys, its store."""

from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from sp1tee.errors import ConfigError, WrongVaultKeyError
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.vault_bucket import open_bucket
from sp1tee.serve.vault_key import Protection, open_vault_key
from sp1tee.store.records import StoreLimits
from sp1tee.store.store import Store, open_store

_ANOTHER_APPLICATION: Final = (
    "The enclave has another key: run the application that this data belongs to (its app id and "
    "its key provider). Data that was begun with a key file needs that file and "
    "--vault-key-source file."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a server keeps.

    Attributes:
        store: requests and inputs.
        protection: what keeps the inputs from whoever has the disk.
    """

    store: Store
    protection: Protection


async def open_kept(settings: ServeSettings) -> Kept:
    """Open the store of a server, making it on first use.

    Raises:
        ConfigError: the data directory, the database's or the vault's URL cannot be used.
        VaultKeyError: the vault key is none, or not this vault's.
        GuestAgentError: the vault key is the guest agent's to give, and it gives none.
        StoreError: the store cannot be opened.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}."
        ) from None
    key = await open_vault_key(settings)
    try:
        store = await open_store(
            data_dir=settings.data_dir,
            master_key=key.master,
            database_url=_shown(settings.database_url),
            bucket=open_bucket(settings),
            limits=StoreLimits(
                max_attempts=settings.max_attempts,
                hold_poisoned=settings.poisoned == "hold",
                quarantine_after=settings.quarantine_after,
                proof_retention_s=settings.proof_retention_s,
                record_retention_s=settings.record_retention_s,
                unused_upload_s=settings.upload_ttl_s,
            ),
        )
    except WrongVaultKeyError as error:
        if key.protection is not Protection.ENCLAVE:
            raise
        raise WrongVaultKeyError(error.message, advice=_ANOTHER_APPLICATION) from None
    return Kept(store, key.protection)


def _shown(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
