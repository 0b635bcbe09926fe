"""Taking proofs in."""

import secrets
from typing import Any, Final

from sqlalchemy import update

from sp1tee.errors import LeaseLost, UndeclaredMock
from sp1tee.store.conduct import FINISHED
from sp1tee.store.erasing import keep_blob
from sp1tee.store.holding import any_lease
from sp1tee.store.moving import execution_columns, move
from sp1tee.store.pace import took_s
from sp1tee.store.records import WAITING_STATES, RequestRecord, Result, State
from sp1tee.store.schema_work import leases
from sp1tee.store.writer import Tx

_PROOF_TOKEN_SIZE: Final = 32


def finish(
    tx: Tx, lease_id: str, token: bytes, result: Result, *, settle: bool, identity: str | None
) -> RequestRecord:
    """See `Requests.finish`."""
    record, lease = any_lease(tx, lease_id, token, identity)
    if lease.outcome == FINISHED:
        return _again(tx, record, result)
    if record.state not in WAITING_STATES:
        raise LeaseLost("The request of this lease has ended already.")
    if result.mock and not lease.mock:
        raise UndeclaredMock("This lease was taken for a real proof.")
    keep_blob(tx, result.proof)
    tx.connection.execute(
        update(leases)
        .where(leases.c.id == lease_id)
        .values(outcome=FINISHED, reason=None, ended_at=tx.now)
    )
    state = State.SETTLED if settle else State.PROVED
    return move(
        tx,
        record,
        state,
        took_s=took_s(tx, lease_id),
        **_proved(result),
        **_delivery(tx, settle=settle),
    )


def _again(tx: Tx, record: RequestRecord, result: Result) -> RequestRecord:
    """Answer a worker that did not hear the first answer; a second copy of its proof goes."""
    if record.proof_blob != result.proof.id:
        tx.erased.append(result.proof.id)
    return record


def _proved(result: Result) -> dict[str, Any]:
    return {
        **execution_columns(result.execution),
        "mock": result.mock,
        "proof_blob": result.proof.id,
        "proof_token": secrets.token_urlsafe(_PROOF_TOKEN_SIZE),
    }


def _delivery(tx: Tx, *, settle: bool) -> dict[str, Any]:
    if settle:
        return {"told": True, "fulfilled_at": int(tx.now)}
    return {"tell_at": tx.now}
