"""Which database, which vault directory and which master key belong together.

The directory bears the name of the vault that the database knows. Without it, a wrong
`database_url` would make a vault look full of strays, and they would be swept away.
"""

import hmac
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, select

from sp1tee.errors import StoreMismatch, WrongVaultKeyError
from sp1tee.store.disk import write_new
from sp1tee.store.schema import vaults
from sp1tee.store.sealing import KeyWrap
from sp1tee.wire.ids import new_id

_FILE: Final = "vault-id"


def vault_of(connection: Connection, directory: Path, wrap: KeyWrap) -> str:
    """Name the database's vault, made up on first use, after checking that all three fit.

    Raises:
        WrongVaultKeyError: the vault was made with another key.
        StoreMismatch: the directory belongs to another database.
    """
    row = connection.execute(select(vaults)).one_or_none()
    vault_id = new_id("vault") if row is None else row.id
    if _name_on(directory) not in {None, vault_id.encode()}:
        raise StoreMismatch(f"The vault in {directory} belongs to another database.")
    if row is None:
        connection.execute(insert(vaults), {"id": vault_id, "key_check": wrap.check})
    elif not hmac.compare_digest(row.key_check, wrap.check):
        raise WrongVaultKeyError(f"The vault in {directory} was made with another key.")
    return vault_id


def mark(directory: Path, vault_id: str) -> None:
    """Write the vault's name on its directory, once the database has committed to it."""
    if _name_on(directory) is None:
        write_new(directory / _FILE, vault_id.encode())


def _name_on(directory: Path) -> bytes | None:
    file = directory / _FILE
    return file.read_bytes() if file.exists() else None
