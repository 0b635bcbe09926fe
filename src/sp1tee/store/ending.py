"""Ending requests that no worker has in hand, and at their requester's wish."""

from sp1tee.store.moving import end, request_by_key
from sp1tee.store.records import UNKNOWN_FAILURE, Failure, RequestRecord, State
from sp1tee.store.writer import Tx


def fail(tx: Tx, key: str, failure: Failure) -> RequestRecord:
    """See `Requests.fail`."""
    record = request_by_key(tx, key)
    return end(tx, record, State.FAILED, failure) if record.is_open else record


def cancel(tx: Tx, key: str, text: str) -> RequestRecord:
    """See `Requests.cancel`."""
    record = request_by_key(tx, key)
    if not record.is_open:
        return record
    failure = Failure(UNKNOWN_FAILURE, None, text)
    return end(tx, record, State.FAILED, failure, told=True, tell_at=None)
