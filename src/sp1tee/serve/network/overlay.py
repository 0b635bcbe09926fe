"""The network's status of a request, overlaid by what this server knows better or earlier."""

from sp1tee.serve.network.reading import ENDED_WITHOUT_PROOF
from sp1tee.serve.statuses import status_of
from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.pb import types_pb2

Status = types_pb2.GetProofRequestStatusResponse

HASH_SIZE = 32

_WITH_US = frozenset({State.QUEUED, State.LEASED, State.HELD, State.PROVED, State.SETTLED})
_EXECUTED = frozenset({State.PROVED, State.SETTLED})


def overlay(record: RequestRecord, told: Status | None) -> Status:
    """Combine both views of a request.

    A proof that the network has is a proof, whatever we think. Otherwise its word counts, but for
    what we know earlier; and where it cannot be had ours does, so that an outage upstream does not
    end a client's wait. (A failure that we know of needs no other view.)

    Args:
        record: what we know.
        told: what the network says, as of now; None if it cannot be asked.
    """
    if told is not None and told.fulfillment_status == types_pb2.FULFILLED:
        return _completed(told, record)
    if told is None:
        return _alone(record)
    return _combined(record, told)


def readable(told: Status) -> Status:
    """Replace what some SDKs cannot read: 5.x stops at statuses that it has no name for.

    REVERTED and EXPIRED end a request without a proof, and so does UNFULFILLABLE, which all know.
    """
    status = Status()
    status.CopyFrom(told)
    if status.fulfillment_status in ENDED_WITHOUT_PROOF:
        status.fulfillment_status = types_pb2.UNFULFILLABLE
    if status.execution_status > types_pb2.VALIDATION_FAILED:
        status.execution_status = types_pb2.UNSPECIFIED_EXECUTION_STATUS
    return status


def _completed(told: Status, record: RequestRecord) -> Status:
    """Fill in what would make an SDK panic or give up: a short hash, a deadline of 0."""
    status = readable(told)
    if len(status.request_tx_hash) != HASH_SIZE:
        status.request_tx_hash = record.tx_hash or b""
    if not status.deadline:
        status.deadline = record.deadline
    return status


def _combined(record: RequestRecord, told: Status) -> Status:
    status = _completed(told, record)
    if status.fulfillment_status == types_pb2.UNFULFILLABLE:
        return status
    if record.state in _WITH_US:
        status.fulfillment_status = types_pb2.ASSIGNED
    if record.state in _EXECUTED:
        status.execution_status = types_pb2.EXECUTED
        if record.public_values_hash is not None:
            status.public_values_hash = record.public_values_hash
    return status


def _alone(record: RequestRecord) -> Status:
    """Show our own view. The proof itself is the network's to hand out: not yet, then."""
    status = status_of(record)
    if status.fulfillment_status == types_pb2.FULFILLED:
        status.fulfillment_status = types_pb2.ASSIGNED
    return status
