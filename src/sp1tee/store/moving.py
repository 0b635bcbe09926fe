"""The state machine: every change of a request's state passes through here."""

from typing import Any, Final

from sqlalchemy import bindparam, select, update

from sp1tee.errors import RequestNotFound, StateConflict
from sp1tee.store.conduct import LOST, judge
from sp1tee.store.erasing import erase_blob, release_input
from sp1tee.store.records import WAITING_STATES, ExecutionFacts, Failure, RequestRecord, State
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import CurrentTransaction, requests
from sp1tee.store.schema_work import leases
from sp1tee.store.turns import join_line
from sp1tee.store.writer import Change, Tx

_ENDS: Final = frozenset({State.FAILED, State.EXPIRED})
_MOVES: Final = {
    State.ACCEPTED: _ENDS | {State.QUEUED},
    # A proof may still come from a lease that was lost.
    State.QUEUED: _ENDS | {State.LEASED, State.PROVED, State.SETTLED},
    State.LEASED: _ENDS | {State.QUEUED, State.HELD, State.PROVED, State.SETTLED},
    State.HELD: _ENDS | {State.QUEUED, State.PROVED, State.SETTLED},
    State.PROVED: _ENDS | {State.SETTLED},
}

# Made once: this is the busiest statement there is.
_EACH_TIME: Final[dict[str, Any]] = {
    "revision": requests.c.revision + 1,
    "changed_in": CurrentTransaction(),
}
_BY_KEY: Final = (
    select(*REQUEST_COLUMNS).where(requests.c.key == bindparam("key")).with_for_update()
)


def request_by_key(tx: Tx, key: str) -> RequestRecord:
    """Find a request, which nobody else changes until the transaction ends.

    Raises:
        RequestNotFound: there is none.
    """
    row = tx.connection.execute(_BY_KEY, {"key": key}).one_or_none()
    if row is None:
        raise RequestNotFound("There is no request with this key.")
    return request_record(row)


def note(tx: Tx, record: RequestRecord, **facts: Any) -> RequestRecord:
    """Change facts of a request, and have the listeners told."""
    changing = (
        update(requests)
        .where(requests.c.key == record.key)
        .values(
            updated_at=int(tx.now),
            **_EACH_TIME,
            **facts,
        )
        .returning(*REQUEST_COLUMNS)
    )
    changed = request_record(tx.connection.execute(changing).one())
    tx.changed.append(Change(record, changed))
    return changed


def move(tx: Tx, record: RequestRecord, state: State, **facts: Any) -> RequestRecord:
    """Bring a request into another state.

    What the new state has no use for goes in the same transaction: the lease once it is not
    leased any more, the input once nobody waits for a proof of it.

    Raises:
        StateConflict: there is no way from its state to this one.
    """
    if state not in _MOVES.get(record.state, ()):
        raise StateConflict(f"A request that is {record.state} cannot become {state}.")
    moved = note(tx, record, state=state, **facts)
    if state is State.QUEUED:
        join_line(tx, moved)
    if record.state is State.LEASED:
        close_lease(tx, record, "ended")
    if record.state in WAITING_STATES and state not in WAITING_STATES:
        release_input(tx, record.stdin_artifact)
    return moved


def end(
    tx: Tx, record: RequestRecord, state: State, failure: Failure, **facts: Any
) -> RequestRecord:
    """Let a request end without a proof.

    Unless `facts` say otherwise, the outbox tells the network, if that knows the request.
    """
    if record.proof_blob is not None:
        erase_blob(tx, record.proof_blob)
    known = record.request_id is not None
    return move(
        tx,
        record,
        state,
        **{
            "error": failure.error,
            "cause": failure.cause,
            "text": failure.text,
            **execution_columns(failure.execution),
            "proof_blob": None,
            "proof_token": None,
            "tell_at": tx.now if known else None,
            **facts,
        },
    )


def close_lease(tx: Tx, record: RequestRecord, outcome: str, reason: str | None = None) -> None:
    """Take a request out of its holder's hands; what a bad end says of the holder counts."""
    closed = tx.connection.execute(
        update(leases)
        .where(leases.c.request == record.key, leases.c.outcome.is_(None))
        .values(outcome=outcome, reason=reason, ended_at=tx.now)
        .returning(leases.c.identity, leases.c.refused)
    ).one_or_none()
    if closed is not None and (outcome == LOST or closed.refused):
        judge(tx, closed.identity)


def execution_columns(facts: ExecutionFacts | None) -> dict[str, Any]:
    """Spread execution facts over their columns."""
    if facts is None:
        return {}
    return {
        "cycles": facts.cycles,
        "gas": facts.gas,
        "public_values_hash": facts.public_values_hash,
    }
