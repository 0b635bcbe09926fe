"""Handing requests to workers, and taking them back unfinished."""

import secrets
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    Integer,
    Select,
    String,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)

from sp1tee.store.holding import held_lease
from sp1tee.store.lookup import lease_material
from sp1tee.store.moving import close_lease, end, move, note, request_by_key
from sp1tee.store.records import (
    UNKNOWN_FAILURE,
    Capability,
    Failure,
    Leased,
    RequestRecord,
    State,
)
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import in_states, leases, requests
from sp1tee.store.writer import Tx
from sp1tee.wire.ids import new_id

TOKEN_SIZE: Final = 32
_NOT_STARTED: Final = 0
"""The worker protocol's ``STAGE_UNSPECIFIED``."""


def lease(tx: Tx, worker: str, capabilities: Collection[Capability], ttl_s: float) -> Leased | None:
    """See `Requests.lease`."""
    kinds = sorted({(able.version, mode) for able in capabilities for mode in able.modes})
    while kinds and (record := _oldest(tx, kinds)) is not None:
        material = lease_material(tx.connection, record)
        if material is not None:
            leased = _take(tx, record, worker)
            until = tx.now + ttl_s
            lease_id, token = _grant(tx, leased, until, mock=_as_mock(record, capabilities))
            return Leased(leased, lease_id, token, until, *material)
        end(tx, record, State.FAILED, _INCOMPLETE)
    return None


def beat(tx: Tx, lease_id: str, token: bytes, stage: int, ttl_s: float) -> bool:
    """See `Requests.beat`."""
    held = tx.connection.execute(
        _BEAT, {"lease": lease_id, "hash": sha256(token).digest(), "until": tx.now + ttl_s}
    ).one_or_none()
    if held is None:
        return False
    record = request_by_key(tx, held.request)
    if record.stage != stage:
        note(tx, record, stage=stage)
    return True


def give_back(tx: Tx, lease_id: str, token: bytes, *, counts: bool, reason: str) -> RequestRecord:
    """See `Requests.give_back`."""
    record = held_lease(tx, lease_id, token)
    close_lease(tx, record, "returned", reason)
    if not counts:
        return move(tx, record, State.QUEUED, attempts=record.attempts - 1, stage=_NOT_STARTED)
    return requeue(tx, record, reason)


def fail_lease(tx: Tx, lease_id: str, token: bytes, failure: Failure) -> RequestRecord:
    """See `Requests.fail_lease`."""
    record = held_lease(tx, lease_id, token)
    close_lease(tx, record, "failed", failure.text)
    return end(tx, record, State.FAILED, failure)


def requeue(tx: Tx, record: RequestRecord, reason: str) -> RequestRecord:
    """Return a request to the queue after an attempt, unless that was its last."""
    if record.attempts < tx.limits.max_attempts:
        return move(tx, record, State.QUEUED, stage=_NOT_STARTED)
    text = f"Proving broke off {record.attempts} times and is not tried again; lastly: {reason}"
    return end(tx, record, State.FAILED, Failure(UNKNOWN_FAILURE, None, text))


def _oldest(tx: Tx, kinds: Collection[tuple[str, int]]) -> RequestRecord | None:
    values: dict[str, Any] = {"now": tx.now}
    for number, (version, mode) in enumerate(kinds):
        values |= {f"version_{number}": version, f"mode_{number}": mode}
    row = tx.connection.execute(oldest_of(len(kinds)), values).one_or_none()
    return None if row is None else request_record(row)


@lru_cache
def oldest_of(kinds: int) -> Select[Any]:
    """Build the query for the oldest request of so many kinds: one index look-up for each."""
    heads = [_head(number) for number in range(kinds)]
    earliest = select(func.min(union_all(*heads).subquery().c.seq)).scalar_subquery()
    return select(*REQUEST_COLUMNS).where(requests.c.seq == earliest)


def _head(number: int) -> Select[tuple[int]]:
    first = (
        select(requests.c.seq)
        .where(
            in_states([State.QUEUED]),
            requests.c.version == bindparam(f"version_{number}", type_=String),
            requests.c.mode == bindparam(f"mode_{number}", type_=Integer),
            # "+ 0" keeps the planner off the index by deadline, which would have to sort.
            requests.c.deadline + literal_column("0") > bindparam("now"),
        )
        .order_by(requests.c.seq)
        .limit(literal_column("1"))
    )
    return select(first.subquery().c.seq)


def _take(tx: Tx, record: RequestRecord, worker: str) -> RequestRecord:
    attempts = record.attempts + 1
    return move(tx, record, State.LEASED, worker=worker, attempts=attempts, stage=_NOT_STARTED)


def _grant(tx: Tx, leased: RequestRecord, until: float, *, mock: bool) -> tuple[str, bytes]:
    lease_id, token = new_id("lease"), secrets.token_bytes(TOKEN_SIZE)
    tx.connection.execute(
        insert(leases),
        {
            "id": lease_id,
            "request": leased.key,
            "token_hash": sha256(token).digest(),
            "worker": leased.worker,
            "mock": mock,
            "expires_at": until,
        },
    )
    return lease_id, token


def _as_mock(record: RequestRecord, capabilities: Collection[Capability]) -> bool:
    return any(
        able.mock
        for able in capabilities
        if able.version == record.version and record.mode in able.modes
    )


_INCOMPLETE: Final = Failure(
    UNKNOWN_FAILURE, None, "The input or the program of this request is not in the store any more."
)
_BEAT: Final = (
    update(leases)
    .where(
        leases.c.id == bindparam("lease"),
        leases.c.token_hash == bindparam("hash"),
        leases.c.outcome.is_(None),
    )
    .values(expires_at=bindparam("until"))
    .returning(leases.c.request)
)
