"""What the network has yet to be told. A request is due while its `tell_at` is set and past."""

from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from sp1tee.errors import StateConflict
from sp1tee.store.moving import move, note, request_by_key
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import requests
from sp1tee.store.writer import Tx

_NOTHING_LEFT: Final[dict[str, Any]] = {"told": True, "tell_at": None}

DUE: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.tell_at <= bindparam("now"), requests.c.tell_at.is_not(None))
    .order_by(requests.c.tell_at)
    .limit(bindparam("limit"))
)


def outbox(connection: Connection, now: float, limit: int) -> list[RequestRecord]:
    """See `Requests.outbox`."""
    return [request_record(row) for row in connection.execute(DUE, {"now": now, "limit": limit})]


def postpone(tx: Tx, key: str, until: float, error: str) -> RequestRecord:
    """See `Requests.postpone`."""
    record = request_by_key(tx, key)
    if record.told:
        return record
    tries = record.tell_attempts + 1
    return note(tx, record, tell_at=until, tell_attempts=tries, tell_error=error)


def settled(tx: Tx, key: str, fulfill_tx_hash: bytes | None) -> RequestRecord:
    """See `Requests.settled`."""
    record = request_by_key(tx, key)
    if record.state is State.SETTLED:
        return record
    if record.state is not State.PROVED:
        raise StateConflict(f"A request that is {record.state} cannot be settled.")
    facts = {"fulfilled_at": int(tx.now), "fulfill_tx_hash": fulfill_tx_hash}
    return move(tx, record, State.SETTLED, **facts, **_NOTHING_LEFT)


def told(tx: Tx, key: str) -> RequestRecord:
    """See `Requests.told`."""
    record = request_by_key(tx, key)
    if record.told:
        return record
    if record.state not in {State.FAILED, State.EXPIRED}:
        raise StateConflict(f"A request that is {record.state} has no failure to be told.")
    return note(tx, record, **_NOTHING_LEFT)
