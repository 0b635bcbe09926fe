"""What time does: lost leases, deadlines, unused uploads, old proofs, old rows.

Each step is one transaction over a bounded number of rows, found through an index.
"""

from collections.abc import Callable
from math import floor
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    false,
    literal_column,
    select,
    update,
)

from sp1tee.store import conduct
from sp1tee.store.erasing import erase_artifact, erase_blob, release_input
from sp1tee.store.leasing import requeue
from sp1tee.store.moving import close_lease, end, note
from sp1tee.store.records import (
    FINAL_STATES,
    UNKNOWN_FAILURE,
    WAITING_STATES,
    Failure,
    RequestRecord,
    State,
)
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import artifacts, in_states, requests
from sp1tee.store.schema_work import leases
from sp1tee.store.turns import forget_absent
from sp1tee.store.writer import Tx


def take_back_lost_leases(tx: Tx) -> None:
    """Queue the requests of silent workers again, or fail them after the last attempt."""
    lost = _requests(tx, LOST, tx.now)
    for record in lost:
        close_lease(tx, record, conduct.LOST)
    for record in lost:
        requeue(tx, record, "the worker fell silent.")


def expire(tx: Tx) -> None:
    """End requests past their deadline; a proof on its way to the network gets some grace."""
    late = Failure(UNKNOWN_FAILURE, None, "The deadline passed before the proof was delivered.")
    undelivered = _requests(tx, UNDELIVERED, floor(tx.now - tx.limits.settle_grace_s))
    for record in [*_requests(tx, OVERDUE, floor(tx.now)), *undelivered]:
        end(tx, record, State.EXPIRED, late)


def tell_sooner(tx: Tx) -> None:
    """Let nothing wait for a time that was set while the clock was ahead."""
    far = tx.now + LONGEST_POSTPONED_S
    tx.connection.execute(TOO_FAR, {"far": far, "at": tx.now})


def shorten_leases(tx: Tx) -> None:
    """Let no lease last until a time that was set while the clock was ahead.

    One that began in the future begins now; its worker, if it lives, says so before it ends.
    """
    tx.connection.execute(AHEAD, {"at": tx.now})


def close_expired_uploads(tx: Tx) -> None:
    """Close the upload places that nobody used."""
    for artifact_id, _ in _artifacts(tx, NEVER_UPLOADED, tx.now - tx.limits.upload_grace_s):
        erase_artifact(tx, artifact_id)


def erase_unused_uploads(tx: Tx) -> None:
    """Erase uploads that nothing needs; look at the others again later."""
    for artifact_id, needed in _artifacts(tx, UPLOADED, tx.now):
        if needed:
            _look_again(tx, artifact_id)
        else:
            release_input(tx, artifact_id)


def erase_old_proofs(tx: Tx) -> None:
    """Erase proofs past their retention."""
    for record in _requests(tx, OLD_PROOFS, floor(tx.now - tx.limits.proof_retention_s)):
        assert record.proof_blob is not None
        erase_blob(tx, record.proof_blob)
        note(tx, record, proof_blob=None, proof_token=None)


def delete_old_rows(tx: Tx) -> None:
    """Delete requests of long ago with what belongs to them, and places erased long ago."""
    before = floor(tx.now - tx.limits.record_retention_s)
    values = {"before": before, "batch": tx.limits.sweep_batch}
    deleted = (
        delete(requests).where(requests.c.key.in_(OLD_REQUESTS)).returning(requests.c.requester)
    )
    for requester in set(tx.connection.scalars(deleted, values)):
        forget_absent(tx, requester)
    tx.connection.execute(delete(artifacts).where(artifacts.c.id.in_(OLD_ARTIFACTS)), values)


STEPS: Final[tuple[Callable[[Tx], None], ...]] = (
    expire,
    take_back_lost_leases,
    tell_sooner,
    shorten_leases,
    close_expired_uploads,
    erase_unused_uploads,
    erase_old_proofs,
    delete_old_rows,
)
"""In this order: what is past its deadline is not queued again first."""


def swept(tx: Tx, step: Callable[[Tx], None]) -> list[RequestRecord]:
    """Take one step, and say which requests it changed."""
    step(tx)
    return [change.after for change in tx.changed]


def _requests(tx: Tx, query: Select[Any], before: float) -> list[RequestRecord]:
    values = {"before": before, "batch": tx.limits.sweep_batch}
    rows = tx.connection.execute(query, values)
    return [request_record(row) for row in rows]


def _artifacts(tx: Tx, query: Select[Any], before: float) -> list[tuple[str, bool]]:
    rows = tx.connection.execute(query, {"batch": tx.limits.sweep_batch, "before": before})
    return [(row.id, row.needed) for row in rows]


def _look_again(tx: Tx, artifact_id: str) -> None:
    tx.connection.execute(
        update(artifacts)
        .where(artifacts.c.id == artifact_id)
        .values(expires_at=tx.now + tx.limits.unused_upload_s)
    )


def _uploads(state: str, needed: ColumnElement[bool]) -> Select[Any]:
    return (
        select(artifacts.c.id, needed.label("needed"))
        .where(
            artifacts.c.state == literal_column(f"'{state}'"),
            artifacts.c.expires_at <= bindparam("before"),
        )
        .limit(bindparam("batch"))
        .with_for_update(skip_locked=True)
    )


LONGEST_POSTPONED_S: Final = 300.0
"""Nobody puts off for longer what the network is to be told."""
TOO_FAR: Final = (
    update(requests).where(requests.c.tell_at > bindparam("far")).values(tell_at=bindparam("at"))
)
# What somebody else is at is left to the next sweep.
LOST: Final = (
    select(*REQUEST_COLUMNS)
    .join(leases, leases.c.request == requests.c.key)
    .where(leases.c.outcome.is_(None), leases.c.expires_at <= bindparam("before"))
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_DUE: Final = select(*REQUEST_COLUMNS).where(requests.c.deadline <= bindparam("before"))
_DUE_BATCH: Final = _DUE.limit(bindparam("batch")).with_for_update(skip_locked=True)
OVERDUE: Final = _DUE_BATCH.where(in_states(WAITING_STATES))
UNDELIVERED: Final = _DUE_BATCH.where(in_states([State.PROVED]))
AHEAD: Final = (
    update(leases)
    .where(leases.c.outcome.is_(None), leases.c.began_at > bindparam("at"))
    .values(
        began_at=bindparam("at"),
        expires_at=bindparam("at") + leases.c.expires_at - leases.c.began_at,
    )
)
OLD_PROOFS: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.proof_blob.is_not(None), requests.c.fulfilled_at <= bindparam("before"))
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_WAITED_FOR: Final = exists().where(
    requests.c.stdin_artifact == artifacts.c.id, in_states(WAITING_STATES)
)
NEVER_UPLOADED: Final = _uploads("created", false())
UPLOADED: Final = _uploads("uploaded", _WAITED_FOR)
OLD_REQUESTS: Final = (
    select(requests.c.key)
    .where(
        in_states(FINAL_STATES),
        requests.c.deadline <= bindparam("before"),
        requests.c.tell_at.is_(None),
        requests.c.proof_blob.is_(None),
    )
    .limit(bindparam("batch"))
)
OLD_ARTIFACTS: Final = (
    select(artifacts.c.id)
    .where(
        artifacts.c.state == literal_column("'erased'"),
        artifacts.c.expires_at <= bindparam("before"),
        ~exists().where(requests.c.stdin_artifact == artifacts.c.id),
    )
    .limit(bindparam("batch"))
)
