"""Calls of requesters: place an artifact, register a program, request a proof, take it back."""

from sp1tee.errors import NetworkRefusal, SignatureError
from sp1tee.sim.network.book import Book
from sp1tee.sim.network.objects import ObjectStore
from sp1tee.sim.network.requests import RequestBody
from sp1tee.sim.network.rules import HASH_SIZE, check_program, check_request, require, require_size
from sp1tee.sim.network.settings import AuctionParams
from sp1tee.sim.network.strict import Signed, open_signed, peek
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.signing import CREATE_ARTIFACT_TEXT, recover


class Requesting:
    """Answers requesters."""

    def __init__(self, params: AuctionParams, book: Book, store: ObjectStore) -> None:
        self._params = params
        self._book = book
        self._store = store

    def create_artifact(
        self, ask: artifact_pb2.CreateArtifactRequest
    ) -> artifact_pb2.CreateArtifactResponse:
        """Give out a place to upload to, to anybody who can sign."""
        try:
            recover(CREATE_ARTIFACT_TEXT, ask.signature)
        except SignatureError:
            raise NetworkRefusal("failed to verify signature: invalid signature") from None
        key = self._store.new_key(ask.artifact_type)
        return artifact_pb2.CreateArtifactResponse(
            artifact_uri=self._store.uri(key),
            artifact_presigned_url=self._store.presign("PUT", key),
        )

    def create_program(self, envelope: types_pb2.SignedRequest) -> types_pb2.CreateProgramResponse:
        """Register a program."""
        signed = open_signed(envelope, types_pb2.CreateProgramRequestBody)
        self._book.accounts.check(signed)
        check_program(signed.body)
        self._require_upload(signed.body.program_uri)
        self._book.register(signed)
        return types_pb2.CreateProgramResponse(
            tx_hash=self._book.new_hash(), body=types_pb2.CreateProgramResponseBody()
        )

    def request_proof(self, envelope: types_pb2.SignedRequest) -> types_pb2.RequestProofResponse:
        """Accept a proof request of either dialect."""
        signed = _open_request(envelope)
        self._book.accounts.check(signed)
        check_request(signed.body, now=self._book.now, params=self._params)
        self._require_upload(signed.body.stdin_uri)
        request = self._book.open(signed)
        return types_pb2.RequestProofResponse(
            tx_hash=request.tx_hash,
            body=types_pb2.RequestProofResponseBody(request_id=request.id),
        )

    def cancel_request(
        self, envelope: types_pb2.SignedRequest
    ) -> auction_pb2.CancelRequestResponse:
        """Let a requester take back a request of the auction that nobody has yet."""
        signed = open_signed(envelope, auction_pb2.CancelRequestRequestBody)
        require_size(signed.body.request_id, HASH_SIZE, "request_id")
        self._book.accounts.check(signed)
        request = self._book.request(signed.body.request_id)
        own = request.requester == signed.signer
        require(own, "signer is not the requester", "PERMISSION_DENIED")
        auction = isinstance(request.body, auction_pb2.RequestProofRequestBody)
        require(auction, "only auction requests can be cancelled")
        self._book.cancel(signed)
        return auction_pb2.CancelRequestResponse(
            tx_hash=self._book.new_hash(), body=types_pb2.CancelRequestResponseBody()
        )

    def _require_upload(self, uri: str) -> None:
        key = self._store.key_of(uri)
        uploaded = key is None or self._store.get(key) is not None
        require(uploaded, "artifact was not uploaded")


def _open_request(envelope: types_pb2.SignedRequest) -> Signed[RequestBody]:
    """Read a request body with the schema its strategy says, as field 12 differs between them."""
    strategy = peek(types_pb2.RequestProofRequestBody, envelope.body).strategy
    if strategy == types_pb2.AUCTION:
        return open_signed(envelope, auction_pb2.RequestProofRequestBody)
    return open_signed(envelope, types_pb2.RequestProofRequestBody)
