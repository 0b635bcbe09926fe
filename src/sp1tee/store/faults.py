"""Disk and database faults as errors of ours, without the values that were being written."""

import errno
import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sp1tee.errors import StoreError, StoreFull, StoreUnavailable

# EFBIG is what a file size limit answers: to the store that is a full disk, too.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_storage_fault(error: BaseException) -> bool:
    """Tell a failing disk or database from a bug or a refused change."""
    return isinstance(error, OSError) or (
        isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError)
    )


def disk_fault(error: OSError, doing: str) -> StoreUnavailable:
    """Say what the disk refused."""
    kind = StoreFull if error.errno in _FULL else StoreUnavailable
    return kind(f"{doing} failed: {error.strerror}.")


def database_fault(error: BaseException) -> StoreError:
    """Say what the database refused. The original's text would repeat SQL and its values."""
    if isinstance(error, OSError):
        return disk_fault(error, "Writing to the database")
    cause = error.orig if isinstance(error, DBAPIError) else None
    name = getattr(cause, "sqlite_errorname", type(cause or error).__name__)
    if name == "SQLITE_FULL":
        return StoreFull("The database cannot grow: its disk is full.")
    if is_storage_fault(error):
        return StoreUnavailable(f"The database did not take the change ({name}).")
    if isinstance(error, SQLAlchemyError):
        return StoreError(f"The database refused a statement ({name}): this is a bug of sp1tee.")
    return StoreError(f"The store met a bug of sp1tee ({type(error).__name__}).")
