"""What a gateway is asked: the network's calls, uploads and downloads, one attempt each.

Every attempt raises `ServerAway` where another may help, `ProverUnavailable` where the gateway
wants nothing of this worker, and `ProverFailed` where it does not want this. The gateway's own
words are repeated only where they come with a code of ours: others may put an input into theirs.
"""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import grpc
import httpx
from grpc import aio

from sp1tee import __version__
from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.endpoint import CHANNEL_OPTIONS, CONNECT_SECONDS
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.pb.artifact_pb2_grpc import ArtifactStoreStub
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub
from sp1tee.wire.signing import Signer

CALL_SECONDS: Final = 60.0
MAX_PROOF_BYTES: Final = 1 << 30
# Until a gateway has made an upload durable, and between two blocks of a download.
_SILENCE_SECONDS: Final = 120.0
_ID_SIZE: Final = 32
_MAX_TEXT: Final = 300
_OUR_CODES: Final = "SP1TEE-"

_PASSING: Final = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)
_LOCKED_OUT: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "Give it a token with --gateway-token-file.",
    grpc.StatusCode.PERMISSION_DENIED: "Let its operator admit the key of --gateway-key-file.",
    grpc.StatusCode.UNIMPLEMENTED: "Check --prover-url: this may be no gateway's gRPC port.",
}
_PASSING_HTTP: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_OPEN: Final = frozenset({types_pb2.REQUESTED, types_pb2.ASSIGNED})
_ENDS: Final = {
    types_pb2.UNFULFILLABLE: "The gateway cannot make the proof",
    types_pb2.REVERTED: "The gateway took the proof back",
    types_pb2.EXPIRED: "The gateway's deadline came before its proof",
}

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway, and what is shown to get in.

    Attributes:
        url: its gRPC address, ``http(s)://host[:port]``.
        signer: whose requests they are there.
        reach: where inputs may go; `url` is within.
        token: sent with every call, never with uploads and downloads.
        ca: PEM certificates to trust besides the system's, for https.
    """

    url: str
    signer: Signer
    reach: Reach
    token: str | None = field(default=None, repr=False)
    ca: str | None = field(default=None, repr=False)

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.url.startswith("https:")

    def channel(self) -> aio.Channel:
        """Open a gRPC channel; nothing is sent yet."""
        target = urlsplit(self.url).netloc
        options = (*CHANNEL_OPTIONS, ("grpc.primary_user_agent", f"sp1tee/{__version__}"))
        if not self.encrypted:
            return aio.insecure_channel(target, options=options)
        roots = grpc.ssl_channel_credentials(self.ca.encode() if self.ca else None)
        return aio.secure_channel(target, roots, options=options)

    def http_client(self) -> httpx.AsyncClient:
        """Open an HTTP client without credentials: the URLs that it is used with are secrets."""
        trust = ssl.create_default_context()
        if self.ca:
            trust.load_verify_locations(cadata=self.ca)
        return httpx.AsyncClient(
            headers={"user-agent": f"sp1tee/{__version__}", "accept-encoding": "identity"},
            timeout=httpx.Timeout(_SILENCE_SECONDS, connect=CONNECT_SECONDS, pool=None),
            trust_env=False,
            verify=trust,
        )


class Line:
    """The connections to a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._signer = gateway.signer
        self._channel = gateway.channel()
        self._network = ProverNetworkStub(self._channel)
        self._artifacts = ArtifactStoreStub(self._channel)
        self._http = gateway.http_client()
        self._metadata = (("authorization", f"Bearer {gateway.token}"),) if gateway.token else ()

    async def aclose(self) -> None:
        """Close them."""
        await self._http.aclose()
        await self._channel.close()

    async def nonce(self, seconds: float = CALL_SECONDS) -> int:
        """Ask for the nonce that the next body must carry."""
        request = types_pb2.GetNonceRequest(address=self._signer.address)
        return (await self._call(self._network.GetNonce, request, "nonce", seconds)).nonce

    async def knows_program(self, vk_hash: bytes) -> bool:
        """Ask whether a program is registered."""
        request = types_pb2.GetProgramRequest(vk_hash=vk_hash)
        try:
            await self._network.GetProgram(request, timeout=CALL_SECONDS, metadata=self._metadata)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return False
            raise _translate(error, "program") from None
        return True

    async def upload(self, kind: artifact_pb2.ArtifactType.ValueType, packed: bytes) -> str:
        """Upload an artifact; returns the URI by which requests name it.

        Raises:
            OffHostRefused: it would have to go where no input may.
        """
        request = artifact_pb2.CreateArtifactRequest(
            signature=self._signer.sign_create_artifact(), artifact_type=kind
        )
        place = await self._call(self._artifacts.CreateArtifact, request, "upload")
        url = place.artifact_presigned_url
        self._check(url)
        try:
            answer = await self._http.put(url, content=packed)
        except httpx.HTTPError as error:
            raise _broken(error) from None
        _judge(answer, "upload")
        return place.artifact_uri

    async def create_program(self, vk_hash: bytes, vk: bytes, uri: str) -> None:
        """Register a program that was uploaded."""
        body = types_pb2.CreateProgramRequestBody(
            nonce=await self.nonce(), vk_hash=vk_hash, vk=vk, program_uri=uri
        )
        await self._call(self._network.CreateProgram, self._sealed(body), "program")

    async def request_proof(self, body: types_pb2.RequestProofRequestBody) -> bytes:
        """Ask for a proof; `body` lacks its nonce only. Returns the request's id, 32 bytes."""
        body.nonce = await self.nonce()
        reply = await self._call(self._network.RequestProof, self._sealed(body), "request")
        if len(reply.body.request_id) != _ID_SIZE:
            raise ProverFailed("The gateway took the request and gave it no id.")
        return reply.body.request_id

    async def proof_url(self, request_id: bytes) -> str | None:
        """Ask where a request's proof is; None while there is none yet.

        Raises:
            ProverFailed: there will be none.
        """
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        call = self._network.GetProofRequestStatus(
            request, timeout=CALL_SECONDS, metadata=self._metadata
        )
        try:
            reply = await call
            said = _said(await call.trailing_metadata())
        except aio.AioRpcError as error:
            raise _translate(error, "status") from None
        return _outcome(reply, said)

    async def cancel(self, request_id: bytes) -> None:
        """Say that nobody wants a proof any more; not every gateway listens."""
        body = auction_pb2.CancelRequestRequestBody(nonce=await self.nonce(), request_id=request_id)
        await self._call(self._network.CancelRequest, self._sealed(body), "cancellation")

    async def download(self, url: str) -> bytes:
        """Fetch a proof.

        Raises:
            OffHostRefused: it would come from where nothing of an input should be.
        """
        self._check(url)
        proof = bytearray()
        try:
            async with self._http.stream("GET", url) as answer:
                _judge(answer, "download")
                async for block in answer.aiter_bytes():
                    proof += block
                    if len(proof) > MAX_PROOF_BYTES:
                        raise ProverFailed("The gateway's proof is longer than any proof.")
        except httpx.HTTPError as error:
            raise _broken(error) from None
        return bytes(proof)

    def _check(self, url: str) -> None:
        self._gateway.reach.check(url, encrypted=self._gateway.encrypted)

    def _sealed(self, body: Any) -> types_pb2.SignedRequest:
        raw = body.SerializeToString()
        return types_pb2.SignedRequest(
            format=types_pb2.BINARY, signature=self._signer.sign(raw), body=raw
        )

    async def _call(
        self,
        method: aio.UnaryUnaryMultiCallable[_Request, _Reply],
        request: _Request,
        what: str,
        seconds: float = CALL_SECONDS,
    ) -> _Reply:
        try:
            return await method(request, timeout=seconds, metadata=self._metadata)
        except aio.AioRpcError as error:
            raise _translate(error, what) from None


def _outcome(reply: types_pb2.GetProofRequestStatusResponse, said: str) -> str | None:
    """Judge a status in the order in which the SDK does."""
    if reply.fulfillment_status == types_pb2.FULFILLED:
        if not reply.proof_uri:
            raise ProverFailed("The gateway has the proof and does not say where.")
        return reply.proof_uri
    if reply.execution_status == types_pb2.UNEXECUTABLE:
        raise ProverFailed(f"The program, which runs here, does not run at the gateway{said}")
    if reply.fulfillment_status in _OPEN:
        return None
    end = _ENDS.get(reply.fulfillment_status, "The gateway names a state that does not exist")
    raise ProverFailed(f"{end}{said}")


def _translate(error: aio.AioRpcError, what: str) -> FulfillError:
    status = error.code()
    said = _said(error.trailing_metadata(), error.details() or "", status.name)
    if status in _LOCKED_OUT:
        text = f"The gateway lets this worker ask for nothing ({what}){said}"
        return ProverUnavailable(text, advice=_LOCKED_OUT[status])
    if status in _PASSING:
        return ServerAway(
            f"The gateway did not answer ({what}){said}",
            advice="Check that it runs and that --prover-url is its gRPC address.",
        )
    return ProverFailed(f"The gateway refused ({what}){said}", advice="Ask its operator.")


def _said(metadata: Iterable[Any] | None, details: str = "", status: str = "") -> str:
    """Write what stands behind a colon: a server's of ours own words, else the status alone."""
    found = {key: value for key, value in metadata or () if isinstance(value, str)}
    code = found.get("sp1tee-code", "")
    if not code.startswith(_OUR_CODES):
        return f": {status}." if status else "."
    text = details or unquote(found.get("sp1tee-reason", ""))
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {line[:_MAX_TEXT]}" if line else "."


def _judge(answer: httpx.Response, what: str) -> None:
    if answer.is_success:
        return
    text = f"The gateway answered the {what} with HTTP {answer.status_code}."
    raise ServerAway(text) if answer.status_code in _PASSING_HTTP else ProverFailed(text)


def _broken(error: httpx.HTTPError) -> FulfillError:
    """Name what broke. The exception's own text may have the URL in it, so it is not shown."""
    return ServerAway(f"The connection for an upload or a download broke: {type(error).__name__}.")
