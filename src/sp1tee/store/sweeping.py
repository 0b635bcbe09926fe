"""What time does: lost leases, deadlines, unused uploads, old proofs, old rows.

Each step is one transaction over a bounded number of rows, found through an index.
"""

from collections.abc import Callable
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

from sp1tee.store.erasing import erase_artifact, erase_blob
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
from sp1tee.store.schema import artifacts, in_states, leases, requests
from sp1tee.store.writer import Tx


def take_back_lost_leases(tx: Tx) -> None:
    """Queue the requests of silent workers again, or fail them after the last attempt."""
    for record in _requests(tx, LOST, before=tx.now):
        close_lease(tx, record, "lost")
        requeue(tx, record, "the worker fell silent.")


def expire(tx: Tx) -> None:
    """End requests past their deadline; a proof on its way to the network gets some grace."""
    late = Failure(UNKNOWN_FAILURE, None, "The deadline passed before the proof was delivered.")
    undelivered = _requests(tx, UNDELIVERED, before=tx.now - tx.limits.settle_grace_s)
    for record in [*_requests(tx, OVERDUE, before=tx.now), *undelivered]:
        end(tx, record, State.EXPIRED, late)


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
            erase_artifact(tx, artifact_id)


def erase_old_proofs(tx: Tx) -> None:
    """Erase proofs past their retention."""
    for record in _requests(tx, OLD_PROOFS, before=tx.now - tx.limits.proof_retention_s):
        assert record.proof_blob is not None
        erase_blob(tx, record.proof_blob)
        note(tx, record, proof_blob=None, proof_token=None)


def delete_old_rows(tx: Tx) -> None:
    """Delete requests of long ago, their leases, and upload places erased long ago."""
    values = {"before": tx.now - tx.limits.record_retention_s, "batch": tx.limits.sweep_batch}
    tx.connection.execute(delete(requests).where(requests.c.key.in_(OLD_REQUESTS)), values)
    tx.connection.execute(delete(artifacts).where(artifacts.c.id.in_(OLD_ARTIFACTS)), values)


STEPS: Final[tuple[Callable[[Tx], None], ...]] = (
    expire,
    take_back_lost_leases,
    close_expired_uploads,
    erase_unused_uploads,
    erase_old_proofs,
    delete_old_rows,
)
"""In this order: what is past its deadline is not queued again first."""


def swept(tx: Tx, step: Callable[[Tx], None]) -> list[RequestRecord]:
    """Take one step, and say which requests it changed."""
    step(tx)
    return tx.changed


def _requests(tx: Tx, query: Select[Any], **values: float) -> list[RequestRecord]:
    rows = tx.connection.execute(query, {"batch": tx.limits.sweep_batch, **values})
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
    )


LOST: Final = (
    select(*REQUEST_COLUMNS)
    .join(leases, leases.c.request == requests.c.key)
    .where(leases.c.outcome.is_(None), leases.c.expires_at <= bindparam("before"))
    .limit(bindparam("batch"))
)
_DUE: Final = select(*REQUEST_COLUMNS).where(requests.c.deadline <= bindparam("before"))
OVERDUE: Final = _DUE.where(in_states(WAITING_STATES)).limit(bindparam("batch"))
UNDELIVERED: Final = _DUE.where(in_states([State.PROVED])).limit(bindparam("batch"))
OLD_PROOFS: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.proof_blob.is_not(None), requests.c.fulfilled_at <= bindparam("before"))
    .limit(bindparam("batch"))
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
