"""SQLite's faults as errors of ours, without the values that were being written."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sp1tee.errors import StoreError, StoreFull, StoreUnavailable
from sp1tee.store.faults import disk_fault


def is_storage_fault(error: BaseException) -> bool:
    """Tell a failing disk or database from a bug or a refused change."""
    return isinstance(error, OSError) or (
        isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.OperationalError)
    )


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


@contextmanager
def guarded() -> Iterator[None]:
    """Turn the database's exceptions into ours.

    Raises:
        StoreError: instead of any SQLAlchemy error.
    """
    try:
        yield
    except (SQLAlchemyError, OSError, OverflowError, UnicodeError) as error:
        raise database_fault(error) from None
