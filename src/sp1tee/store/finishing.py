"""Taking proofs in."""

import secrets
from typing import Any, Final

from sqlalchemy import update

from sp1tee.errors import LeaseLost, UndeclaredMock
from sp1tee.store.erasing import keep_blob
from sp1tee.store.holding import any_lease
from sp1tee.store.moving import execution_columns, move, request_by_key
from sp1tee.store.records import WAITING_STATES, RequestRecord, Result, State
from sp1tee.store.schema import leases
from sp1tee.store.writer import Tx

_FINISHED: Final = "finished"
_PROOF_TOKEN_SIZE: Final = 32


def finish(tx: Tx, lease_id: str, token: bytes, result: Result, *, settle: bool) -> RequestRecord:
    """See `Requests.finish`."""
    lease = any_lease(tx, lease_id, token)
    record = request_by_key(tx, lease.request)
    if lease.outcome == _FINISHED:
        return _again(tx, record, result)
    if record.state not in WAITING_STATES:
        raise LeaseLost("The request of this lease has ended already.")
    if result.mock and not lease.mock:
        raise UndeclaredMock("This lease was taken for a real proof.")
    keep_blob(tx, result.proof)
    tx.connection.execute(
        update(leases).where(leases.c.id == lease_id).values(outcome=_FINISHED, reason=None)
    )
    state = State.SETTLED if settle else State.PROVED
    return move(tx, record, state, **_proved(result), **_delivery(tx, settle=settle))


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
