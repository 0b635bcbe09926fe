"""The network's calls as a requester makes them, one attempt each."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol, TypeVar

import grpc

from sp1tee import __version__
from sp1tee.client.bodies import PROOF_MODES, Market, offer
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.replies import clean, notes, number, translate
from sp1tee.client.status import Status, read_status
from sp1tee.errors import BadReply, ConfigError, RequestFailed, UnknownRequest
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.pb.artifact_pb2_grpc import ArtifactStoreStub
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub
from sp1tee.wire.signing import Signer

CALL_SECONDS: Final = 60.0
"""Time limit of one call, the SDK's."""

HASH_SIZE: Final = 32

Request_contra = TypeVar("Request_contra", contravariant=True)
Reply_co = TypeVar("Reply_co", covariant=True)
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class ArtifactKind(Enum):
    """What is uploaded; the numbers are those of the network's ``ArtifactType``."""

    PROGRAM = artifact_pb2.PROGRAM
    STDIN = artifact_pb2.STDIN
    PRIVATE_STDIN = artifact_pb2.PRIVATE_STDIN


class _Method(Protocol[Request_contra, Reply_co]):
    def with_call(
        self,
        request: Request_contra,
        *,
        timeout: float,
        metadata: tuple[tuple[str, str], ...],
    ) -> tuple[Reply_co, grpc.Call]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an artifact may be uploaded.

    Attributes:
        uri: what requests call it.
        upload_url: where to PUT it. Whoever knows it can upload.
    """

    uri: str = field(repr=False)
    upload_url: str = field(repr=False)


class Calls:
    """A connection to a server. Every method is one attempt of one call.

    All raise `Unreachable` where trying again may help, `ServerRefusal` where it will not, and
    `BadReply` where the answer is none.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._channel = _open(endpoint)
        self._network = ProverNetworkStub(self._channel)
        self._artifacts = ArtifactStoreStub(self._channel)
        token = endpoint.bearer_token
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def knows_program(self, vk_hash: bytes) -> bool:
        """Ask whether a program is registered; any answer but NOT_FOUND says yes."""
        request = types_pb2.GetProgramRequest(vk_hash=vk_hash)
        try:
            self._network.GetProgram.with_call(
                request, timeout=CALL_SECONDS, metadata=self._metadata
            )
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return False
            raise translate(error, "look the program up") from None
        return True

    def create_artifact(self, signer: Signer, kind: ArtifactKind) -> Place:
        """Ask for a place to upload an artifact to."""
        request = artifact_pb2.CreateArtifactRequest(
            signature=signer.sign_create_artifact(), artifact_type=kind.value
        )
        reply = self._call(self._artifacts.CreateArtifact, request, "take an upload")
        if not (reply.artifact_uri and reply.artifact_presigned_url):
            raise BadReply("The server named no place for the upload.")
        return Place(reply.artifact_uri, reply.artifact_presigned_url)

    def nonce(self, signer: Signer) -> int:
        """Ask for the nonce that the signer's next body must carry."""
        request = types_pb2.GetNonceRequest(address=signer.address)
        return self._call(self._network.GetNonce, request, "hand out a nonce").nonce

    def create_program(self, envelope: types_pb2.SignedRequest) -> None:
        """Register a program."""
        self._call(self._network.CreateProgram, envelope, "register the program")

    def request_proof(self, envelope: types_pb2.SignedRequest) -> bytes:
        """Ask for a proof; returns the request's id, 32 bytes."""
        reply = self._call(self._network.RequestProof, envelope, "take the request")
        request_id = reply.body.request_id
        if len(request_id) != HASH_SIZE:
            raise BadReply(f"The request id has {len(request_id)} bytes instead of {HASH_SIZE}.")
        return request_id

    def market(self, mode: Mode) -> Market:
        """Ask for the terms of an auction."""
        terms = self._call(
            self._network.GetProofRequestParams,
            auction_pb2.GetProofRequestParamsRequest(mode=PROOF_MODES[mode]),
            "tell the auction's terms",
        )
        everybody = auction_pb2.GetProversByUptimeRequest()
        listed = self._call(self._network.GetProversByUptime, everybody, "list provers")
        price = number(terms.max_price_per_pgu)
        if price is None:
            raise BadReply("The server named a price that is no number.")
        return Market(
            domain=terms.domain,
            auctioneer=terms.auctioneer,
            executor=terms.executor,
            verifier=terms.verifier,
            treasury=terms.treasury,
            max_price_per_pgu=offer(price, terms.tick_size),
            base_fee=terms.base_fee,
            provers=tuple(listed.provers),
        )

    def status(self, request_id: bytes) -> Status:
        """Ask how far a request is.

        Raises:
            UnknownRequest: the server does not know it.
            RequestFailed: it failed, and the server says so in words instead of a state.
        """
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        try:
            reply, call = self._network.GetProofRequestStatus.with_call(
                request, timeout=CALL_SECONDS, metadata=self._metadata
            )
        except grpc.RpcError as error:
            raise _status_error(error) from None
        code, reason = notes(call.trailing_metadata())
        return read_status(reply, code=code, reason=reason)

    def _call(self, method: _Method[Request, Reply], request: Request, what: str) -> Reply:
        try:
            reply, _ = method.with_call(request, timeout=CALL_SECONDS, metadata=self._metadata)
        except grpc.RpcError as error:
            raise translate(error, what) from None
        return reply


def _status_error(error: grpc.RpcError) -> Exception:
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return UnknownRequest("The server knows no request with this id.")
    if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
        return RequestFailed(f"The request failed: {clean(error.details() or '')}", advice="")
    return translate(error, "tell the request's status")


def _open(endpoint: Endpoint) -> grpc.Channel:
    options = [
        ("grpc.primary_user_agent", f"sp1tee/{__version__}"),
        # A proxy would read what is not encrypted.
        ("grpc.enable_http_proxy", int(endpoint.encrypted)),
        # gRPC's own pauses grow to two minutes, in which calls fail untried; ours are Patience's.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if not endpoint.encrypted:
        return grpc.insecure_channel(endpoint.target, options=options)
    return grpc.secure_channel(endpoint.target, _credentials(endpoint), options=options)


def _credentials(endpoint: Endpoint) -> grpc.ChannelCredentials:
    files = (endpoint.ca_file, endpoint.client_key, endpoint.client_cert)
    try:
        roots, key, chain = (path.read_bytes() if path else None for path in files)
    except OSError as error:
        raise ConfigError(
            f"A TLS file cannot be read: {error.strerror}.",
            advice="Check --ca-file, --client-cert and --client-key.",
        ) from None
    return grpc.ssl_channel_credentials(roots, key, chain)
