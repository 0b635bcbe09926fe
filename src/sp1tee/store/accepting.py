"""Taking requests in, up to the queue."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import LargeBinary, String, bindparam, exists, literal_column, select

from sp1tee.errors import NotUploaded, StateConflict
from sp1tee.store.moving import move, note, request_by_key
from sp1tee.store.nonces import move_nonce
from sp1tee.store.records import FINAL_STATES, NewRequest, RequestRecord, State
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import LARGEST, CurrentTransaction, artifacts, requests, upsert
from sp1tee.store.turns import join_line
from sp1tee.store.writer import Change, Tx
from sp1tee.wire.ids import new_id


def accept(tx: Tx, new: NewRequest, *, queue: bool) -> tuple[RequestRecord, bool]:
    """See `Requests.accept`."""
    move_nonce(tx, new.requester, new.nonce + 1)
    record = _fresh_record(tx, new, State.QUEUED if queue else State.ACCEPTED)
    if tx.connection.execute(_INSERT, _row(record)).first() is not None:
        tx.changed.append(Change(None, record))
        if queue:
            join_line(tx, record)
        return record, True
    known = tx.connection.execute(_BY_FINGERPRINT, {"fingerprint": new.fingerprint}).one_or_none()
    if known is None:
        raise NotUploaded("The input of this request is not uploaded, or erased already.")
    return request_record(known), False


def bind(tx: Tx, key: str, request_id: bytes, tx_hash: bytes) -> RequestRecord:
    """See `Requests.bind`."""
    record = request_by_key(tx, key)
    if record.request_id == request_id:
        return record
    if record.request_id is not None:
        raise StateConflict("This request has another id already.")
    if tx.connection.execute(_HAS_ID, {"request_id": request_id}).scalar_one():
        raise StateConflict("Another request has this id already.")
    # It may have ended before the network named it; then there is something to tell only now.
    late = record.state in FINAL_STATES and not record.told
    facts = {"tell_at": tx.now} if late else {}
    return note(tx, record, request_id=request_id, tx_hash=tx_hash, **facts)


def enqueue(tx: Tx, key: str) -> RequestRecord:
    """See `Requests.enqueue`."""
    record = request_by_key(tx, key)
    return move(tx, record, State.QUEUED) if record.state is State.ACCEPTED else record


def _fresh_record(tx: Tx, new: NewRequest, state: State) -> RequestRecord:
    values = {name: getattr(new, name) for name in _NEW_FIELDS}
    # Later deadlines and higher nonces than the database holds are as good as the last it does.
    values["deadline"] = min(new.deadline, LARGEST)
    values["nonce"] = min(new.nonce, LARGEST)
    now = int(tx.now)
    return RequestRecord(**values, key=new_id("req"), state=state, created_at=now, updated_at=now)


def _row(record: RequestRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _ALL_FIELDS}


# `dataclasses.asdict` copies every value: five times as slow, on the busiest path there is.
_NEW_FIELDS: Final = tuple(field.name for field in fields(NewRequest))
_ALL_FIELDS: Final = tuple(field.name for field in fields(RequestRecord))

# One statement takes the request, unless its fingerprint is known or its input is not there.
_VALUES: Final = [bindparam(column.name, type_=column.type) for column in REQUEST_COLUMNS]
# Whoever is about to erase the input waits for this request, or this one sees that it is erased.
_INPUT: Final = (
    select(artifacts.c.id)
    .where(
        artifacts.c.id == bindparam("stdin_artifact", type_=String),
        artifacts.c.requester == bindparam("requester", type_=LargeBinary),
        artifacts.c.state == literal_column("'uploaded'"),
        artifacts.c.kind == literal_column("'stdin'"),
    )
    .with_for_update(read=True)
    .exists()
)
_INSERT: Final = (
    upsert(requests)
    .from_select([*_ALL_FIELDS, "changed_in"], select(*_VALUES, CurrentTransaction()).where(_INPUT))
    .on_conflict_do_nothing(index_elements=[requests.c.fingerprint])
    .returning(requests.c.seq)
)
_BY_FINGERPRINT: Final = select(*REQUEST_COLUMNS).where(
    requests.c.fingerprint == bindparam("fingerprint")
)
_HAS_ID: Final = select(exists().where(requests.c.request_id == bindparam("request_id")))
