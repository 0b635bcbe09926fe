"""PostgreSQL's faults as errors of ours, without the values that were being written.

What it says is told apart by SQLSTATE (PostgreSQL's manual, appendix A), never by its texts.
"""

from enum import Enum
from typing import Final

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sp1tee.errors import ConfigError, Sp1teeError, StoreError, StoreFull, StoreUnavailable


class Fault(Enum):
    """What to make of an exception."""

    AGAIN = "again"
    """Others were in the way, and nothing happened: the same may succeed at once."""
    RACED = "raced"
    """The same, of what looks like a bug if it goes on."""
    AWAY = "away"
    """The database is not there, or gave up: whether it did what it was about to is not said."""
    FULL = "full"
    """Its disk is full, and nothing happened."""
    REFUSED = "refused"
    """It does not let this server in."""
    BUG = "bug"
    """It does not understand this server."""


FAULTS: Final = (OSError, PostgresError, InterfaceError, InternalClientError)
"""What the driver raises by itself. TimeoutError is an OSError."""

_CODES: Final = {
    "40001": Fault.AGAIN,  # serialization_failure
    "40P01": Fault.AGAIN,  # deadlock_detected
    "55P03": Fault.AGAIN,  # lock_not_available
    # Jobs look before they insert: what they did not see was inserted, or deleted, in between.
    "23505": Fault.RACED,  # unique_violation
    "23503": Fault.RACED,  # foreign_key_violation
    # A migration has changed a table under a prepared statement, which is prepared anew.
    "0A000": Fault.AGAIN,  # feature_not_supported: cached plan must not change result type
    "53100": Fault.FULL,  # disk_full
    "25006": Fault.AWAY,  # read_only_sql_transaction: it is a standby now
    "57014": Fault.AWAY,  # query_canceled: statement_timeout
    "28000": Fault.REFUSED,  # invalid_authorization_specification
    "28P01": Fault.REFUSED,  # invalid_password
    "3D000": Fault.REFUSED,  # invalid_catalog_name
    "42501": Fault.REFUSED,  # insufficient_privilege
}
_CLASSES: Final = {
    "08": Fault.AWAY,  # connection exception
    "25": Fault.AWAY,  # the transaction was ended, for idling for one
    "53": Fault.AWAY,  # insufficient resources: too many connections for one
    "57": Fault.AWAY,  # operator intervention: it shuts down, or starts
    "58": Fault.AWAY,  # system error
    "XX": Fault.AWAY,  # internal error
}


def fault_of(error: BaseException) -> Fault:
    """Say what to make of an exception that came out of the database's driver."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return _CODES.get(state) or _CLASSES.get(state[:2], Fault.BUG)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Fault.AWAY
    # Without a SQLSTATE it is the connection that failed: it is closed, or was while it worked.
    if isinstance(error, (PoolTimeout, *FAULTS)):
        return Fault.AWAY
    if isinstance(getattr(cause, "__cause__", None), FAULTS):
        return Fault.AWAY
    return Fault.BUG


def database_fault(error: BaseException) -> Sp1teeError:
    """Say what the database refused. The original's text would repeat SQL and its values."""
    fault, name = fault_of(error), _name(error)
    if fault is Fault.FULL:
        return StoreFull(
            "The database cannot grow: its disk is full.", advice="Free space on its disk."
        )
    if fault is Fault.REFUSED:
        return ConfigError(
            f"The database does not let this server in ({name}).",
            advice="Check the user, the password and the database of database_url, and its rights.",
        )
    if fault in {Fault.BUG, Fault.RACED}:
        if isinstance(error, SQLAlchemyError):
            return StoreError(
                f"The database refused a statement ({name}): this is a bug of sp1tee."
            )
        return StoreError(f"The store met a bug of sp1tee ({name}).")
    return StoreUnavailable(
        f"The database did not take the change ({name}).",
        advice="Look at the database and the way to it, then try again: nothing was changed.",
    )


def _name(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else type(cause or error).__name__
