"""Opening what a server keeps: its directory, its keys, its store."""

from typing import Final

from sp1tee import logs
from sp1tee.errors import ConfigError, HexError, VaultKeyError
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.master_key import KEY_SIZE, MasterKey
from sp1tee.store.records import StoreLimits
from sp1tee.store.store import Store, open_store
from sp1tee.wire.hexes import from_hex

VAULT_KEY_FILE: Final = "vault.key"

_log = logs.get(__name__)


async def open_kept(settings: ServeSettings) -> Store:
    """Open the store of a server, making it on first use.

    Raises:
        ConfigError: the data directory or the database's URL cannot be used.
        VaultKeyError: the vault key is none, or not this vault's.
        StoreError: the store cannot be opened.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}."
        ) from None
    return await open_store(
        data_dir=settings.data_dir,
        master_key=_master_key(settings),
        database_url=settings.database_url,
        limits=StoreLimits(
            max_attempts=settings.max_attempts,
            proof_retention_s=settings.proof_retention_s,
            unused_upload_s=settings.upload_ttl_s,
        ),
    )


def _master_key(settings: ServeSettings) -> MasterKey:
    if settings.vault_key is not None:
        try:
            return MasterKey(from_hex(settings.vault_key.get_secret_value(), KEY_SIZE, "vault key"))
        except HexError as error:
            raise VaultKeyError(error.message, advice="Give 64 hex digits.") from None
    path = settings.data_dir / VAULT_KEY_FILE
    key, made = MasterKey.made_or_read(path, data_dir=settings.data_dir)
    if made:
        _log.warning("a vault key was made: keep it, nothing can be read without", path=str(path))
    _log.warning(
        "the vault key lies beside the data: whoever takes both can read waiting inputs; "
        "set vault_key_file outside of an experiment",
        path=str(path),
    )
    return key
