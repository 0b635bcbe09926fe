"""Handing requests to workers, and taking them back unfinished."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Final, final

from sqlalchemy import bindparam, insert, select, update

from sp1tee.store.choosing import chosen, has_queued
from sp1tee.store.conduct import check_may_lease
from sp1tee.store.holding import OF_HOLDER, held_lease, holder_values
from sp1tee.store.lookup import lease_material
from sp1tee.store.moving import close_lease, end, move, note, request_by_key
from sp1tee.store.pace import PROVING, proving_began, too_late
from sp1tee.store.records import (
    UNKNOWN_FAILURE,
    Capability,
    Failure,
    Leased,
    RequestRecord,
    State,
)
from sp1tee.store.schema import requests
from sp1tee.store.schema_work import leases
from sp1tee.store.turns import Kind, leave_line, next_requester, served, stop_joining
from sp1tee.store.writer import Tx
from sp1tee.wire.ids import new_id

TOKEN_SIZE: Final = 32
MOST_LOOKS: Final = 64
"""Requests and requesters that one transaction may find to be gone or hopeless."""

_NOT_STARTED: Final = 0
"""The worker protocol's ``STAGE_UNSPECIFIED``."""


@final
@dataclass(frozen=True, slots=True)
class Taker:
    """Who asks for a lease."""

    worker: str
    capabilities: Collection[Capability]
    ttl_s: float
    identity: str | None


class Sought(Enum):
    """What came of looking for something to lease, if not a lease."""

    NOTHING = "nothing"
    """Nothing fits."""
    MORE = "more"
    """Enough was cleared away for one transaction: look again."""


def lease(
    tx: Tx,
    worker: str,
    capabilities: Collection[Capability],
    ttl_s: float,
    *,
    keys: Collection[bytes],
    identity: str | None,
) -> Leased | Sought:
    """See `Requests.lease`."""
    check_may_lease(tx, identity)
    taker = Taker(worker, capabilities, ttl_s, identity)
    kinds = sorted({(able.version, mode) for able in capabilities for mode in able.modes})
    for _ in range(MOST_LOOKS):
        requester = next_requester(tx, kinds) if kinds else None
        if requester is None:
            return Sought.NOTHING
        record = chosen(tx, requester, kinds, keys)
        if record is None:
            _leave_line(tx, requester, kinds)
        elif (leased := _lease(tx, record, taker)) is not None:
            served(tx, requester)
            return leased
    return Sought.MORE


def _leave_line(tx: Tx, requester: bytes, kinds: Collection[Kind]) -> None:
    """Take a requester out of the line, unless it has joined again meanwhile."""
    if tx.shared:
        stop_joining(tx, requester)
        if has_queued(tx, requester, kinds):
            return
    leave_line(tx, requester, kinds)


def _lease(tx: Tx, record: RequestRecord, taker: Taker) -> Leased | None:
    """Lease a request, or end it if it cannot be proved."""
    if (late := too_late(tx, record)) is not None:
        end(tx, record, State.FAILED if record.deadline > tx.now else State.EXPIRED, late)
        return None
    material = lease_material(tx.connection, record)
    if material is None:
        end(tx, record, State.FAILED, _INCOMPLETE)
        return None
    leased = _take(tx, record, taker.worker)
    until = tx.now + taker.ttl_s
    lease_id, token = _grant(tx, leased, until, taker)
    return Leased(leased, lease_id, token, until, *material)


def beat(
    tx: Tx, lease_id: str, token: bytes, stage: int, ttl_s: float, *, identity: str | None
) -> bool:
    """See `Requests.beat`."""
    values = holder_values(lease_id, token, identity)
    held = tx.connection.execute(_HELD, values).one_or_none()
    if held is None:
        return False
    record = None if held.stage == stage else request_by_key(tx, held.request)
    beaten = tx.connection.execute(_BEAT, {"held": lease_id, "until": tx.now + ttl_s})
    if beaten.rowcount == 0:
        return False
    if record is not None:
        note(tx, record, stage=stage)
        if stage == PROVING:
            proving_began(tx, lease_id)
    return True


def give_back(
    tx: Tx, lease_id: str, token: bytes, *, counts: bool, reason: str, identity: str | None
) -> RequestRecord:
    """See `Requests.give_back`."""
    record = held_lease(tx, lease_id, token, identity)
    close_lease(tx, record, "returned", reason)
    if not counts:
        return move(tx, record, State.QUEUED, attempts=record.attempts - 1, stage=_NOT_STARTED)
    return requeue(tx, record, reason)


def fail_lease(
    tx: Tx, lease_id: str, token: bytes, failure: Failure, *, identity: str | None
) -> RequestRecord:
    """See `Requests.fail_lease`."""
    record = held_lease(tx, lease_id, token, identity)
    close_lease(tx, record, "failed", failure.text)
    return end(tx, record, State.FAILED, failure)


def requeue(tx: Tx, record: RequestRecord, reason: str) -> RequestRecord:
    """Return a request to the queue after an attempt, unless that was its last.

    One that was poisoned is held, or fails, as the operator wants it.
    """
    if record.attempts < tx.limits.max_attempts:
        return move(tx, record, State.QUEUED, stage=_NOT_STARTED)
    text = f"Proving broke off {record.attempts} times and is not tried again; lastly: {reason}"
    if tx.limits.hold_poisoned:
        return move(tx, record, State.HELD, stage=_NOT_STARTED, text=text)
    return end(tx, record, State.FAILED, Failure(UNKNOWN_FAILURE, None, text))


def _take(tx: Tx, record: RequestRecord, worker: str) -> RequestRecord:
    attempts = record.attempts + 1
    return move(tx, record, State.LEASED, worker=worker, attempts=attempts, stage=_NOT_STARTED)


def _grant(tx: Tx, leased: RequestRecord, until: float, taker: Taker) -> tuple[str, bytes]:
    lease_id, token = new_id("lease"), secrets.token_bytes(TOKEN_SIZE)
    tx.connection.execute(
        insert(leases),
        {
            "id": lease_id,
            "request": leased.key,
            "token_hash": sha256(token).digest(),
            "worker": leased.worker,
            "identity": taker.identity,
            "mock": _as_mock(leased, taker.capabilities),
            "expires_at": until,
            "began_at": tx.now,
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
_HELD: Final = (
    select(leases.c.request, requests.c.stage)
    .join(requests, requests.c.key == leases.c.request)
    .where(*OF_HOLDER, leases.c.outcome.is_(None))
)
_BEAT: Final = (
    update(leases)
    .where(leases.c.id == bindparam("held"), leases.c.outcome.is_(None))
    .values(expires_at=bindparam("until"))
)
