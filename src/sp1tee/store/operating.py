"""What operators do with requests: look at the attempts, try again, drop."""

from typing import Final

from sqlalchemy import Connection, bindparam, select

from sp1tee.errors import StateConflict
from sp1tee.store.moving import end, move, request_by_key
from sp1tee.store.records import (
    UNKNOWN_FAILURE,
    WAITING_STATES,
    Attempt,
    Failure,
    RequestRecord,
    State,
)
from sp1tee.store.schema_work import leases
from sp1tee.store.writer import Tx

_DROPPED: Final = Failure(UNKNOWN_FAILURE, None, "The operator of this server dropped the request.")


def retry(tx: Tx, key: str) -> RequestRecord:
    """See `Requests.retry`."""
    record = request_by_key(tx, key)
    if record.state is not State.HELD:
        raise StateConflict(f"Only held requests are tried again; this one is {record.state}.")
    return move(tx, record, State.QUEUED, attempts=0, text=None)


def drop(tx: Tx, key: str) -> RequestRecord:
    """See `Requests.drop`."""
    record = request_by_key(tx, key)
    if record.state not in WAITING_STATES:
        raise StateConflict(
            f"Only requests without a proof are dropped; this one is {record.state}."
        )
    return end(tx, record, State.FAILED, _DROPPED)


def attempts(connection: Connection, key: str) -> list[Attempt]:
    """See `Requests.attempts`."""
    return [Attempt(**row._asdict()) for row in connection.execute(ATTEMPTS, {"key": key})]


ATTEMPTS: Final = (
    select(
        leases.c.worker,
        leases.c.began_at,
        leases.c.ended_at,
        leases.c.outcome,
        leases.c.reason,
    )
    .where(leases.c.request == bindparam("key"))
    # Ids begin with the time at which they were made.
    .order_by(leases.c.id)
)
