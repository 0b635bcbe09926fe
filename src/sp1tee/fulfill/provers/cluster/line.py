"""What a cluster is asked: the API's calls, and the coordinator's, one attempt each.

Every attempt raises what `translate` makes of a failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf.empty_pb2 import Empty
from grpc import aio

from sp1tee import __version__
from sp1tee.errors import ProverFailed
from sp1tee.fulfill.endpoint import CHANNEL_OPTIONS
from sp1tee.fulfill.provers.cluster.replies import translate
from sp1tee.wire.pb import cluster_pb2 as pb
from sp1tee.wire.pb import cluster_worker_pb2 as worker_pb
from sp1tee.wire.pb.cluster_pb2_grpc import ClusterServiceStub
from sp1tee.wire.pb.cluster_worker_pb2_grpc import WorkerServiceStub

CALL_SECONDS: Final = 30.0
PAGE: Final = 200
"""How many requests are listed at once: gRPC takes no message of more than 4 MiB."""

_COORDINATOR: Final = "The cluster's coordinator"

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gRPC server of a cluster's is.

    Attributes:
        url: ``http(s)://host[:port]``; https if something in front of it speaks TLS.
        ca: PEM certificates to trust besides the system's, for https.
    """

    url: str
    ca: str | None = field(default=None, repr=False)

    def channel(self) -> aio.Channel:
        """Open a channel; nothing is sent yet."""
        options = (*CHANNEL_OPTIONS, ("grpc.primary_user_agent", f"sp1tee/{__version__}"))
        target = urlsplit(self.url).netloc
        if not self.url.startswith("https:"):
            return aio.insecure_channel(target, options=options)
        roots = grpc.ssl_channel_credentials(self.ca.encode() if self.ca else None)
        return aio.secure_channel(target, roots, options=options)


class Api:
    """The API: requests, kept in its database."""

    def __init__(self, address: Address) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._channel = address.channel()
        self._stub = ClusterServiceStub(self._channel)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def health(self, seconds: float = CALL_SECONDS) -> None:
        """Return if it is there."""
        await _call(self._stub.Healthcheck, Empty(), "health", seconds=seconds)

    async def create(self, request: pb.ProofRequestCreateRequest) -> None:
        """Ask for a proof. What is there already was asked for by an attempt whose answer broke."""
        try:
            await self._stub.ProofRequestCreate(request, timeout=CALL_SECONDS)
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise translate(error, "request") from None

    async def look(self, proof_id: str) -> pb.ProofRequest | None:
        """Return how a request stands; None if there is no such request."""
        request = pb.ProofRequestGetRequest(proof_id=proof_id)
        reply = await _call(self._stub.ProofRequestGet, request, "status")
        return reply.proof_request if reply.HasField("proof_request") else None

    async def cancel(self, proof_id: str) -> None:
        """Say that nobody wants a proof any more; one that has ended stays as it is."""
        request = pb.ProofRequestCancelRequest(proof_id=proof_id)
        await _call(self._stub.ProofRequestCancel, request, "cancellation")

    async def handled(self, proof_id: str) -> None:
        """Say that all about a request is done, and nothing of it left in the store."""
        request = pb.ProofRequestUpdateRequest(proof_id=proof_id, handled=True)
        await _call(self._stub.ProofRequestUpdate, request, "update")

    async def unhandled(self, scheduled_by: str) -> Sequence[pb.ProofRequest]:
        """List what somebody asked for and has not said to be done with, the oldest `PAGE`."""
        request = pb.ProofRequestListRequest(handled=False, limit=PAGE, scheduled_by=scheduled_by)
        return (await _call(self._stub.ProofRequestList, request, "list")).proof_requests

    async def components(self) -> pb.ClusterComponentManifest | None:
        """Return what the coordinator told of its cluster; None where the API is too old to say."""
        try:
            return _legible(
                await self._stub.GetClusterComponentInfo(Empty(), timeout=CALL_SECONDS),
                "components",
            )
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise translate(error, "components") from None


class Coordinator:
    """The coordinator: who works on what. It has no database, and forgets when it is restarted."""

    def __init__(self, address: Address) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._channel = address.channel()
        self._stub = WorkerServiceStub(self._channel)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def stop(self, proof_id: str) -> None:
        """Stop all work on a proof at once."""
        request = worker_pb.CancelProofRequest(proof_id=proof_id)
        try:
            await self._stub.CancelProof(request, timeout=CALL_SECONDS)
        except aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise translate(error, "cancellation", _COORDINATOR) from None

    async def works_on(self, proof_id: str) -> bool:
        """Tell whether it has a proof in hand."""
        request = worker_pb.GetTaskStatusesRequest(proof_id=proof_id)
        try:
            await self._stub.GetTaskStatuses(request, timeout=CALL_SECONDS)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return False
            raise translate(error, "tasks", _COORDINATOR) from None
        return True

    async def stats(self) -> worker_pb.GetStatsResponse:
        """Return how many workers there are, and what circuit they prove."""
        return await _call(self._stub.GetStats, Empty(), "stats", _COORDINATOR)


async def _call(
    method: aio.UnaryUnaryMultiCallable[_Request, _Reply],
    request: _Request,
    what: str,
    who: str = "The cluster's API",
    *,
    seconds: float = CALL_SECONDS,
) -> _Reply:
    try:
        return _legible(await method(request, timeout=seconds), what)
    except aio.AioRpcError as error:
        raise translate(error, what, who) from None


def _legible(reply: _Reply | None, what: str) -> _Reply:
    """Return an answer that is one; gRPC hands out None for bytes that are no message."""
    if reply is None:
        raise ProverFailed(f"The cluster's answer is none ({what}).")
    return reply
