"""Which database, which shelf of sealed files and which master key belong together.

The shelf bears the name of the vault that the database knows. Without it, a wrong `database_url`
would make a vault look full of strays, and they would be swept away.
"""

import hmac
from typing import Final

from sqlalchemy import Connection, exists, insert, select

from sp1tee.errors import StoreMismatch, WrongVaultKeyError
from sp1tee.store.schema import blobs, vaults
from sp1tee.store.sealing import KeyWrap
from sp1tee.store.shelf import Shelf
from sp1tee.wire.ids import new_id

_HAS_BLOBS: Final = select(exists().select_from(blobs))


def vault_of(connection: Connection, shelf: Shelf, wrap: KeyWrap) -> str:
    """Name the database's vault, made up on first use, after checking that all three fit.

    Raises:
        WrongVaultKeyError: the vault was made with another key.
        StoreMismatch: the shelf belongs to another database, or is not the one that was used.
    """
    row = connection.execute(select(vaults)).one_or_none()
    vault_id = new_id("vault") if row is None else row.id
    name = shelf.name()
    if name not in {None, vault_id.encode()}:
        raise StoreMismatch(f"The vault in {shelf} belongs to another database.")
    if name is None and connection.execute(_HAS_BLOBS).scalar_one():
        raise StoreMismatch(f"The database knows blobs, and there is no vault in {shelf}.")
    if row is None:
        connection.execute(insert(vaults), {"id": vault_id, "key_check": wrap.check})
    elif not hmac.compare_digest(row.key_check, wrap.check):
        raise WrongVaultKeyError(f"The vault in {shelf} was made with another key.")
    return vault_id


def mark(shelf: Shelf, vault_id: str) -> None:
    """Write the vault's name on its shelf, once the database has committed to it."""
    if shelf.name() is None:
        shelf.give_name(vault_id.encode())
