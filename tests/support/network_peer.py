"""A requester and a fulfiller as a Prover Network meets them: stock grpcio, real signatures."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc
import httpx
from google.protobuf.message import Message
from grpc import aio

from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import (
    artifact_pb2,
    artifact_pb2_grpc,
    auction_pb2,
    network_pb2_grpc,
    types_pb2,
)
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family

PUBLIC_VALUES = b"what the program revealed"
VK_HASH = bytes(3) + b"\x01" + bytes(28)
VK = b"a verifying key of another generation than v6"
FAR_FUTURE = 4_000_000_000

# Channels to one address share connections otherwise, and with them the wait before a reconnect.
_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


@dataclass(slots=True)
class Clock:
    """Time that passes when a test says so."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Refused(Exception):  # noqa: N818 - it is an answer
    """A call that was answered with an error."""

    status: str
    message: str


@dataclass(slots=True)
class Peer:
    """One account on one network, over one channel."""

    url: str
    signer: Signer
    root_certificates: bytes | None = None
    channel: aio.Channel = field(init=False)

    async def __aenter__(self) -> Self:
        target = self.url.partition("://")[2]
        if self.root_certificates is None:
            self.channel = aio.insecure_channel(target, _OWN_CONNECTION)
        else:
            credentials = grpc.ssl_channel_credentials(self.root_certificates)
            self.channel = aio.secure_channel(target, credentials, _OWN_CONNECTION)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.channel.close()

    @property
    def network(self) -> Any:
        return network_pb2_grpc.ProverNetworkStub(self.channel)

    @property
    def artifacts(self) -> Any:
        return artifact_pb2_grpc.ArtifactStoreStub(self.channel)

    async def ask(self, method: str, message: Message) -> Any:
        """Call a method, turning an error status into `Refused`."""
        service = self.artifacts if method == "CreateArtifact" else self.network
        try:
            return await getattr(service, method)(message)
        except aio.AioRpcError as error:
            raise Refused(error.code().name, error.details() or "") from None

    async def send_raw(self, method: str, data: bytes) -> bytes:
        """Call a method with bytes of one's own making."""
        call = self.channel.unary_unary(f"/network.ProverNetwork/{method}")
        try:
            return await call(data)
        except aio.AioRpcError as error:
            raise Refused(error.code().name, error.details() or "") from None

    async def nonce(self) -> int:
        reply = await self.ask("GetNonce", types_pb2.GetNonceRequest(address=self.signer.address))
        return reply.nonce

    def seal(self, body: Message | bytes) -> types_pb2.SignedRequest:
        """Sign a body as an SDK does."""
        encoded = body if isinstance(body, bytes) else body.SerializeToString()
        return types_pb2.SignedRequest(
            format=types_pb2.BINARY, signature=self.signer.sign(encoded), body=encoded
        )

    async def send(self, method: str, body: Message) -> Any:
        """Fetch the nonce, put it into the body, sign, call: one unit, as in the SDK."""
        body.nonce = await self.nonce()
        return await self.ask(method, self.seal(body))

    async def place(self, kind: int) -> artifact_pb2.CreateArtifactResponse:
        signature = self.signer.sign_create_artifact()
        return await self.ask(
            "CreateArtifact",
            artifact_pb2.CreateArtifactRequest(signature=signature, artifact_type=kind),
        )

    async def upload(self, kind: int, data: bytes) -> str:
        """Place an artifact and PUT its bytes as the SDK does; return its URI."""
        placed = await self.place(kind)
        async with httpx.AsyncClient() as http:
            reply = await http.put(placed.artifact_presigned_url, content=data)
        assert reply.is_success, reply
        return placed.artifact_uri

    async def register(self, artifact: bytes = b"program", vk_hash: bytes = VK_HASH) -> None:
        uri = await self.upload(artifact_pb2.PROGRAM, artifact)
        await self.send(
            "CreateProgram",
            types_pb2.CreateProgramRequestBody(vk_hash=vk_hash, vk=VK, program_uri=uri),
        )

    async def request(self, body: Message) -> bytes:
        reply = await self.send("RequestProof", body)
        return reply.body.request_id

    async def status(self, request_id: bytes) -> types_pb2.GetProofRequestStatusResponse:
        ask = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        return await self.ask("GetProofRequestStatus", ask)

    async def details(
        self, request_id: bytes, kind: Callable[[], Any] = types_pb2.ProofRequest
    ) -> Any:
        ask = types_pb2.GetProofRequestDetailsRequest(request_id=request_id)
        details = kind()
        details.ParseFromString((await self.ask("GetProofRequestDetails", ask)).request)
        return details


def base_body(**changes: Any) -> types_pb2.RequestProofRequestBody:
    """A reserved request as SDK 6 makes it; its nonce is filled in when it is sent."""
    fields = {
        "vk_hash": VK_HASH,
        "version": "sp1-v6.1.0",
        "mode": types_pb2.CORE,
        "strategy": types_pb2.RESERVED,
        "stdin_uri": "https://tee.example.org/artifacts/stdin/artifact_01",
        "deadline": FAR_FUTURE,
        "cycle_limit": 1000,
        "gas_limit": 1000,
    }
    return types_pb2.RequestProofRequestBody(**(fields | changes))


def auction_body(
    params: auction_pb2.GetProofRequestParamsResponse, **changes: Any
) -> auction_pb2.RequestProofRequestBody:
    """A mainnet request as SDK 6 makes it of what GetProofRequestParams told it."""
    fields = {
        "vk_hash": VK_HASH,
        "version": "sp1-v6.1.0",
        "mode": types_pb2.CORE,
        "strategy": types_pb2.AUCTION,
        "stdin_uri": "https://tee.example.org/artifacts/stdin/artifact_01",
        "deadline": FAR_FUTURE,
        "cycle_limit": 1000,
        "gas_limit": 1000,
        "domain": params.domain,
        "auctioneer": params.auctioneer,
        "executor": params.executor,
        "verifier": params.verifier,
        "treasury": params.treasury,
        "base_fee": params.base_fee,
        "max_price_per_pgu": params.max_price_per_pgu,
        "public_values_hash": hashlib.sha256(PUBLIC_VALUES).digest(),
    }
    return auction_pb2.RequestProofRequestBody(**(fields | changes))


def mock_core(public_values: bytes = PUBLIC_VALUES, vk_hash: bytes = VK_HASH) -> bytes:
    """A mock Core proof as a fulfiller hands it in."""
    return mock_proof(Mode.CORE, Family.V6, vk_hash, public_values).encode_network()
