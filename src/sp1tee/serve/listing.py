"""Requests as GetProofRequestDetails and GetFilteredProofRequests show them.

Only a stand-alone server answers these itself. Every request is shown in the dialect it was made
in, so that the SDK which made it can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sp1tee.errors import UnsupportedFilter
from sp1tee.serve.admission import read_body
from sp1tee.serve.calls import AnyBody
from sp1tee.serve.checks import ADDRESS_SIZE, HASH_SIZE, decode, sized
from sp1tee.serve.statuses import execution, fulfillment
from sp1tee.store.records import Program, RequestFilter, RequestRecord, State
from sp1tee.wire.pb import auction_pb2, types_pb2

MAX_PAGE = 100

# Beyond any date, and within what a database can count.
_END_OF_TIME = 1 << 62

ProofRequest = types_pb2.ProofRequest | auction_pb2.ProofRequest

_STATES: dict[int, frozenset[State]] = {
    types_pb2.REQUESTED: frozenset({State.ACCEPTED}),
    types_pb2.ASSIGNED: frozenset({State.QUEUED, State.LEASED, State.HELD, State.PROVED}),
    types_pb2.FULFILLED: frozenset({State.SETTLED}),
    types_pb2.UNFULFILLABLE: frozenset({State.FAILED, State.EXPIRED}),
}

# 17 and 18 mean different things in the two dialects; nothing tells which one a list call is in.
_REFUSED = (
    "execution_status",
    "not_bid_by",
    "execute_fail_cause",
    "settlement_status",
    "error",
    "is_timed_out",
    "use_mainnet",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A list call, understood.

    Attributes:
        wanted: which requests.
        impossible: nothing can match, since this server is its only fulfiller.
    """

    wanted: RequestFilter
    impossible: bool = False


def read_filter(request: bytes, fulfiller: bytes) -> Page:
    """Read a GetFilteredProofRequestsRequest.

    Args:
        request: the encoded message.
        fulfiller: the address this server proves under.

    Raises:
        MalformedCall: a field has a length that means nothing.
        UnsupportedFilter: it asks for a restriction that cannot be honoured here.
    """
    message = decode(types_pb2.GetFilteredProofRequestsRequest, request)
    given = {field.name: value for field, value in message.ListFields()}
    for name in _REFUSED:
        if name in given:
            raise UnsupportedFilter(f"Requests cannot be listed by {name} here.")
    limit = min(message.limit or MAX_PAGE, MAX_PAGE)
    states = _states(given)
    wanted = RequestFilter(
        states=states,
        requester=_sized(given, "requester", ADDRESS_SIZE),
        vk_hash=_sized(given, "vk_hash", HASH_SIZE),
        version=given.get("version"),
        mode=given.get("mode"),
        min_deadline=_time(given, "minimum_deadline"),
        created_from=_time(given, "from"),
        created_to=_time(given, "to"),
        limit=limit,
        offset=max(message.page - 1, 0) * limit,
    )
    not_ours = given.get("fulfiller", fulfiller) != fulfiller
    return Page(wanted, impossible=not_ours or states == frozenset())


def describe(record: RequestRecord, program: Program | None, fulfiller: bytes) -> ProofRequest:
    """Describe a request in its own dialect."""
    _, body = read_body(record.body)
    if isinstance(body, auction_pb2.RequestProofRequestBody):
        shown: ProofRequest = auction_pb2.ProofRequest(
            base_fee=body.base_fee,
            max_price_per_pgu=body.max_price_per_pgu,
            stdin_private=body.stdin_private,
        )
    else:
        shown = types_pb2.ProofRequest(stdin_private=body.stdin_private)
    _describe_order(shown, record, body)
    _describe_progress(shown, record, fulfiller)
    shown.program_uri = program.uri if program is not None else ""
    return shown


def _describe_order(shown: ProofRequest, record: RequestRecord, body: AnyBody) -> None:
    shown.request_id = record.request_id or b""
    shown.tx_hash = record.tx_hash or b""
    shown.vk_hash = record.vk_hash
    shown.version = record.version
    shown.mode = body.mode
    shown.strategy = body.strategy
    shown.stdin_uri = body.stdin_uri
    shown.deadline = record.deadline
    shown.cycle_limit = record.cycle_limit
    shown.gas_limit = record.gas_limit
    shown.requester = record.requester
    shown.min_auction_period = body.min_auction_period
    shown.whitelist.extend(body.whitelist)


def _describe_progress(shown: ProofRequest, record: RequestRecord, fulfiller: bytes) -> None:
    shown.fulfillment_status = fulfillment(record)
    shown.execution_status = execution(record)
    shown.created_at = record.created_at
    shown.updated_at = record.updated_at
    if record.state is not State.ACCEPTED:
        shown.fulfiller = fulfiller
    if record.fulfilled_at is not None:
        shown.fulfilled_at = record.fulfilled_at
    if record.cycles is not None:
        shown.cycles = record.cycles
    if record.gas is not None:
        shown.gas_used = record.gas
    if record.public_values_hash is not None:
        shown.public_values_hash = record.public_values_hash
    shown.error = types_pb2.ProofRequestError.ValueType(record.error or 0)
    shown.execute_fail_cause = types_pb2.ExecuteFailureCause.ValueType(record.cause or 0)


def _states(given: Mapping[str, Any]) -> frozenset[State] | None:
    status = given.get("fulfillment_status")
    return None if status is None else _STATES.get(status, frozenset())


def _sized(given: Mapping[str, Any], name: str, size: int) -> bytes | None:
    value: bytes | None = given.get(name)
    return None if value is None else sized(value, size, name)


def _time(given: Mapping[str, Any], name: str) -> int | None:
    value: int | None = given.get(name)
    return None if value is None else min(value, _END_OF_TIME)
