"""What a gateway is asked: the network's calls, uploads and downloads, one attempt each.

Every attempt raises `ServerAway` where another may help, `ProverUnavailable` where the gateway
wants nothing of this worker, and `ProverFailed` where it does not want this.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import grpc
import httpx
from grpc import aio

from sp1tee import __version__
from sp1tee.errors import ProverFailed
from sp1tee.fulfill.endpoint import CHANNEL_OPTIONS, CONNECT_SECONDS
from sp1tee.fulfill.provers.gateway_replies import (
    broken,
    judge,
    legible,
    outcome,
    said_in,
    translate,
)
from sp1tee.fulfill.provers.off_host import Reach
from sp1tee.http_client import HttpClient
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.pb.artifact_pb2_grpc import ArtifactStoreStub
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub
from sp1tee.wire.signing import Signer

CALL_SECONDS: Final = 60.0
MAX_PROOF_BYTES: Final = 1 << 30
# Until a gateway has made an upload durable, and between two blocks of a download.
_SILENCE_SECONDS: Final = 120.0
_ID_SIZE: Final = 32

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

    def http_client(self) -> HttpClient:
        """Open an HTTP client without credentials: the URLs that it is used with are secrets."""
        trust = ssl.create_default_context()
        if self.ca:
            trust.load_verify_locations(cadata=self.ca)
        return HttpClient(
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
            raise translate(error, "program") from None
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
            raise broken(error) from None
        judge(answer, "upload")
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
            said = said_in(await call.trailing_metadata())
        except aio.AioRpcError as error:
            raise translate(error, "status") from None
        return outcome(legible(reply, "status"), said)

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
                judge(answer, "download")
                async for block in answer.aiter_bytes():
                    proof += block
                    if len(proof) > MAX_PROOF_BYTES:
                        raise ProverFailed("The gateway's proof is longer than any proof.")
        except httpx.HTTPError as error:
            raise broken(error) from None
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
            reply = await method(request, timeout=seconds, metadata=self._metadata)
        except aio.AioRpcError as error:
            raise translate(error, what) from None
        return legible(reply, what)
