"""A request's state in the network's words."""

from urllib.parse import quote

from sp1tee.errors import NoProof
from sp1tee.serve.network import Metadata
from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.pb import types_pb2

REASON = "sp1tee-reason"
CODE = "sp1tee-code"
"""Keys of a failed request's trailing metadata."""

_MAX_REASON = 500
# As it travels. A client may take as little as 8 KiB of metadata.
_MAX_PRINTED = 4096

# An auction client cancels what stays REQUESTED for 30 seconds, and this server is the prover: what
# waits here for a worker is ASSIGNED.
_FULFILLMENT: dict[State, types_pb2.FulfillmentStatus.ValueType] = {
    State.ACCEPTED: types_pb2.REQUESTED,
    State.QUEUED: types_pb2.ASSIGNED,
    State.LEASED: types_pb2.ASSIGNED,
    State.HELD: types_pb2.ASSIGNED,
    State.PROVED: types_pb2.ASSIGNED,
    State.SETTLED: types_pb2.FULFILLED,
    State.FAILED: types_pb2.UNFULFILLABLE,
    State.EXPIRED: types_pb2.UNFULFILLABLE,
}


def fulfillment(record: RequestRecord) -> types_pb2.FulfillmentStatus.ValueType:
    """Say how far a request is; only statuses that SDK 5 knows as well."""
    return _FULFILLMENT[record.state]


def execution(record: RequestRecord) -> types_pb2.ExecutionStatus.ValueType:
    """Say whether the guest ran to its end."""
    if record.state is State.FAILED and record.error == types_pb2.EXECUTION_FAILURE:
        return types_pb2.UNEXECUTABLE
    if record.public_values_hash is not None:
        return types_pb2.EXECUTED
    return types_pb2.UNEXECUTED


def status_of(
    record: RequestRecord, proof_uri: str | None = None
) -> types_pb2.GetProofRequestStatusResponse:
    """Describe a request as GetProofRequestStatus does.

    The deadline is always the request's own: an SDK reads 0 as timed out.

    Args:
        record: the request; it has its ids.
        proof_uri: where the proof can be fetched, once it is settled.
    """
    message = types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=fulfillment(record),
        execution_status=execution(record),
        request_tx_hash=record.tx_hash or b"",
        deadline=record.deadline,
    )
    if record.public_values_hash is not None:
        message.public_values_hash = record.public_values_hash
    if record.state is State.SETTLED:
        _add_proof(message, record, proof_uri)
    return message


def has_failed(record: RequestRecord) -> bool:
    """Tell whether a request ended without a proof."""
    return record.state in (State.FAILED, State.EXPIRED)


def failure_text(record: RequestRecord) -> str:
    """Say why a request ended without a proof."""
    if record.text:
        return record.text
    if record.state is State.EXPIRED:
        return "The deadline passed before there was a proof."
    return "The request failed; the server noted no reason."


def failure_trailers(record: RequestRecord, printed: str = "") -> Metadata:
    """Write the reason as trailing metadata: ASCII, percent-encoded like a URL's path.

    Of what the program printed, the end stays if not all of it can.
    """
    while len(_escaped(printed)) > _MAX_PRINTED:
        printed = printed[len(printed) // 8 + 1 :]
    reason = failure_text(record)[:_MAX_REASON] + _quoting(printed)
    return ((REASON, _escaped(reason)), (CODE, NoProof.code))


def failure(record: RequestRecord, printed: str = "") -> NoProof:
    """Make the refusal that says why a request ended without a proof."""
    return NoProof(failure_text(record) + _quoting(printed))


def _quoting(printed: str) -> str:
    return f" The program printed: {printed}" if printed else ""


def _escaped(text: str) -> str:
    return quote(text, safe=" ,;:!?()[]{}'=+*/")


def _add_proof(
    message: types_pb2.GetProofRequestStatusResponse, record: RequestRecord, uri: str | None
) -> None:
    if uri is not None:
        message.proof_uri = uri
    if record.fulfill_tx_hash is not None:
        message.fulfill_tx_hash = record.fulfill_tx_hash
