"""The bodies that end a request upstream, encoded as the network's own encoder would.

The network checks signatures over what it decodes and encodes again, so that a field which that
encoder leaves out must not be set here: no empty metadata, no variant in the base dialect.
"""

from sp1tee.serve.admission import read_body
from sp1tee.store.records import RequestRecord
from sp1tee.wire.pb import auction_pb2, types_pb2

FulfillBody = types_pb2.FulfillProofRequestBody | auction_pb2.FulfillProofRequestBody


def fulfill_body(record: RequestRecord, *, nonce: int, proof: bytes) -> FulfillBody:
    """Make the body of FulfillProof in the dialect of its request.

    In the auction dialect it repeats the domain that the requester signed.
    """
    request_id = record.request_id or b""
    _, body = read_body(record.body)
    if isinstance(body, auction_pb2.RequestProofRequestBody):
        return auction_pb2.FulfillProofRequestBody(
            nonce=nonce,
            request_id=request_id,
            proof=proof,
            domain=body.domain,
            variant=types_pb2.FULFILL_VARIANT,
        )
    return types_pb2.FulfillProofRequestBody(nonce=nonce, request_id=request_id, proof=proof)


def fail_body(record: RequestRecord, *, nonce: int) -> types_pb2.FailFulfillmentRequestBody:
    """Make the body of FailFulfillment, which is the same in both dialects."""
    error = types_pb2.UNKNOWN_FAILURE if record.error is None else record.error
    return types_pb2.FailFulfillmentRequestBody(
        nonce=nonce,
        request_id=record.request_id or b"",
        error=types_pb2.ProofRequestError.ValueType(error),
    )
