"""How a request is shown: its status, and its details in the dialect it was made in."""

from typing import TypeVar

from sp1tee.sim.network.objects import ObjectStore
from sp1tee.sim.network.requests import Request
from sp1tee.sim.network.strict import encode
from sp1tee.wire.pb import auction_pb2, types_pb2

Details = TypeVar("Details", types_pb2.ProofRequest, auction_pb2.ProofRequest)


def show_status(request: Request) -> types_pb2.GetProofRequestStatusResponse:
    """Show how far a request is; proof and digest only when they exist."""
    return types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=request.status,
        execution_status=request.execution,
        request_tx_hash=request.tx_hash,
        deadline=request.deadline,
        fulfill_tx_hash=request.fulfill_tx_hash,
        proof_uri=request.proof_uri,
        public_values_hash=request.public_values_hash,
        proof_public_uri=request.proof_uri,
    )


def show_details(request: Request, store: ObjectStore) -> bytes:
    """Show everything about a request, as an encoded `ProofRequest` of its dialect."""
    if isinstance(request.body, auction_pb2.RequestProofRequestBody):
        return encode(_auction_details(request, request.body, store))
    return encode(_base_details(request, request.body, store))


def _base_details(
    request: Request, body: types_pb2.RequestProofRequestBody, store: ObjectStore
) -> types_pb2.ProofRequest:
    details = _common(types_pb2.ProofRequest(), request, store)
    details.error = request.error
    details.stdin_private = body.stdin_private
    return details


def _auction_details(
    request: Request, body: auction_pb2.RequestProofRequestBody, store: ObjectStore
) -> auction_pb2.ProofRequest:
    details = _common(auction_pb2.ProofRequest(), request, store)
    details.base_fee = body.base_fee
    details.max_price_per_pgu = body.max_price_per_pgu
    details.error = request.error
    details.is_canceled = request.cancelled
    details.stdin_private = body.stdin_private
    return details


def _common(details: Details, request: Request, store: ObjectStore) -> Details:
    _show_body(details, request, store)
    details.request_id = request.id
    details.tx_hash = request.tx_hash
    details.requester = request.requester
    details.fulfillment_status = request.status
    details.execution_status = request.execution
    details.settlement_status = types_pb2.UNSETTLED
    details.created_at = request.created_at
    details.updated_at = request.updated_at
    if request.fulfiller is not None:
        details.fulfiller = request.fulfiller
    if request.fulfilled_at is not None:
        details.fulfilled_at = request.fulfilled_at
    if request.public_values_hash is not None:
        details.public_values_hash = request.public_values_hash
    return details


def _show_body(
    details: types_pb2.ProofRequest | auction_pb2.ProofRequest,
    request: Request,
    store: ObjectStore,
) -> None:
    body = request.body
    details.vk_hash = body.vk_hash
    details.version = body.version
    details.mode = body.mode
    details.strategy = body.strategy
    details.deadline = body.deadline
    details.cycle_limit = body.cycle_limit
    details.gas_limit = body.gas_limit
    details.min_auction_period = body.min_auction_period
    details.whitelist.extend(body.whitelist)
    details.program_uri = request.program_uri
    details.program_public_uri = store.public_url(request.program_uri)
    details.stdin_uri = body.stdin_uri
    details.stdin_public_uri = "" if body.stdin_private else store.public_url(body.stdin_uri)
