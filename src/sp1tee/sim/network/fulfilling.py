"""Calls of fulfillers: hand in a proof, give up, fetch a private input."""

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.book import Book, FailBody, FulfillBody, StdinBody
from sp1tee.sim.network.objects import ObjectStore
from sp1tee.sim.network.requests import Request
from sp1tee.sim.network.rules import (
    HASH_SIZE,
    check_domain,
    check_error,
    check_proof,
    require,
    require_size,
)
from sp1tee.sim.network.settings import AuctionParams
from sp1tee.sim.network.strict import Signed, open_signed, peek
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2


class Fulfilling:
    """Answers fulfillers. A body is read in the dialect of the request it is about."""

    def __init__(
        self, params: AuctionParams, book: Book, store: ObjectStore, *, refuse_mocks: bool
    ) -> None:
        self._params = params
        self._book = book
        self._store = store
        self._refuse_mocks = refuse_mocks

    def fulfill_proof(self, envelope: types_pb2.SignedRequest) -> types_pb2.FulfillProofResponse:
        """Take a proof from the assigned fulfiller, before the deadline, once."""
        request = self._find(peek(types_pb2.FulfillProofRequestBody, envelope.body).request_id)
        signed = self._open_fulfillment(envelope, request)
        self._book.accounts.check(signed)
        self._book.check_assigned(request.id, signed.signer)
        data = signed.body.proof
        proof = check_proof(request, data, refuse_mocks=self._refuse_mocks)
        key = self._store.new_key(artifact_pb2.PROOF)
        self._store.put(key, data)
        tx_hash = self._book.fulfill(
            signed, proof_uri=self._store.url(key), public_values=proof.public_values
        )
        return types_pb2.FulfillProofResponse(
            tx_hash=tx_hash, body=types_pb2.FulfillProofResponseBody()
        )

    def fail_fulfillment(
        self, envelope: types_pb2.SignedRequest
    ) -> types_pb2.FailFulfillmentResponse:
        """Let the assigned fulfiller give a request up."""
        request = self._find(peek(types_pb2.FailFulfillmentRequestBody, envelope.body).request_id)
        signed: Signed[FailBody] = (
            open_signed(envelope, auction_pb2.FailFulfillmentRequestBody)
            if _is_auction(request)
            else open_signed(envelope, types_pb2.FailFulfillmentRequestBody)
        )
        self._book.accounts.check(signed)
        check_error(signed.body.error)
        self._book.check_assigned(request.id, signed.signer)
        self._book.fail(signed, signed.body.error)
        return types_pb2.FailFulfillmentResponse(
            tx_hash=self._book.new_hash(), body=types_pb2.FailFulfillmentResponseBody()
        )

    def get_stdin_uri(self, envelope: types_pb2.SignedRequest) -> types_pb2.GetStdinUriResponse:
        """Give the requester or the fulfiller a URL to read a private input of this store."""
        request = self._find(peek(types_pb2.GetStdinUriRequestBody, envelope.body).request_id)
        signed: Signed[StdinBody] = (
            self._open_auction_stdin(envelope)
            if _is_auction(request)
            else open_signed(envelope, types_pb2.GetStdinUriRequestBody)
        )
        self._book.accounts.check(signed)
        may_read = signed.signer in (request.requester, request.fulfiller)
        require(may_read, "signer may not read the stdin", "PERMISSION_DENIED")
        key = self._store.key_of(request.body.stdin_uri)
        if key is None or not request.body.stdin_private:
            raise NetworkRefusal("the stdin is not private")
        self._book.disclose(signed)
        return types_pb2.GetStdinUriResponse(
            stdin_uri=self._store.presign("GET", key), expires_at=self._store.expiry()
        )

    def _find(self, request_id: bytes) -> Request:
        require_size(request_id, HASH_SIZE, "request_id")
        return self._book.request(request_id)

    def _open_fulfillment(
        self, envelope: types_pb2.SignedRequest, request: Request
    ) -> Signed[FulfillBody]:
        if not _is_auction(request):
            return open_signed(envelope, types_pb2.FulfillProofRequestBody)
        signed = open_signed(envelope, auction_pb2.FulfillProofRequestBody)
        check_domain(signed.body.domain, self._params)
        right_variant = signed.body.variant == types_pb2.FULFILL_VARIANT
        require(right_variant, "invalid transaction variant")
        return signed

    def _open_auction_stdin(
        self, envelope: types_pb2.SignedRequest
    ) -> Signed[auction_pb2.GetStdinUriRequestBody]:
        signed = open_signed(envelope, auction_pb2.GetStdinUriRequestBody)
        check_domain(signed.body.domain, self._params)
        return signed


def _is_auction(request: Request) -> bool:
    return isinstance(request.body, auction_pb2.RequestProofRequestBody)
