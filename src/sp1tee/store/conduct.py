"""How workers with tokens of their own behave: who goes bad gets no more work."""

from typing import Final

from sqlalchemy import Row, bindparam, select, update

from sp1tee.errors import WorkerStoodDown
from sp1tee.store.schema_work import leases, workers
from sp1tee.store.worker_records import WorkerState
from sp1tee.store.writer import Tx

LOST: Final = "lost"
FINISHED: Final = "finished"


def check_may_lease(tx: Tx, identity: str | None) -> None:
    """See that a worker may have work; the token that workers share always may.

    Raises:
        WorkerStoodDown: it may not.
    """
    if identity is None:
        return
    # Whoever takes its leases away waits for this one, or this one sees that it is stood down.
    state = tx.connection.scalar(_STATE, {"name": identity})
    if state != WorkerState.ACTIVE:
        raise WorkerStoodDown(f"This worker is {state or WorkerState.REVOKED}.")


def judge(tx: Tx, identity: str | None) -> None:
    """Put a worker in quarantine if its last leases all went bad."""
    if identity is None:
        return
    # One after another, or each would miss the other's.
    tx.connection.execute(LOCK, {"name": identity})
    limit = tx.limits.quarantine_after
    last = tx.connection.execute(LAST, {"identity": identity, "limit": limit}).all()
    if len(last) < limit or not all(map(_is_bad, last)):
        return
    lost = sum(row.outcome == LOST for row in last)
    reason = f"Of its last {limit} leases, {lost} were lost and {limit - lost} had proofs refused."
    tx.connection.execute(_QUARANTINE, {"worker": identity, "why": reason})


def _is_bad(row: Row[str, bool]) -> bool:
    return row.outcome == LOST or (bool(row.refused) and row.outcome != FINISHED)


_STATE: Final = (
    select(workers.c.state).where(workers.c.name == bindparam("name")).with_for_update(read=True)
)
LOCK: Final = select(workers.c.name).where(workers.c.name == bindparam("name")).with_for_update()
_JUDGED_FROM: Final = (
    select(workers.c.judged_from).where(workers.c.name == bindparam("identity")).scalar_subquery()
)
LAST: Final = (
    select(leases.c.outcome, leases.c.refused)
    .where(
        leases.c.identity == bindparam("identity"),
        leases.c.identity.is_not(None),
        leases.c.ended_at > _JUDGED_FROM,
    )
    .order_by(leases.c.ended_at.desc())
    .limit(bindparam("limit"))
)
_QUARANTINE: Final = (
    update(workers)
    .where(
        workers.c.name == bindparam("worker"),
        workers.c.state.in_([WorkerState.ACTIVE, WorkerState.DRAINING]),
    )
    .values(state=WorkerState.QUARANTINED, reason=bindparam("why"))
)
