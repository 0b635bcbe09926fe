"""The worker listener's calls, with our own errors for what can go wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from grpc import aio

from sp1tee.errors import (
    FulfillError,
    JobFailed,
    LeaseGone,
    ServerAway,
    ServerRefused,
    WorkerTokenRefused,
)
from sp1tee.fulfill.endpoint import Endpoint
from sp1tee.fulfill.executors import Execution
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import PASSING
from sp1tee.fulfill.provers import Capability
from sp1tee.tracing import HEADER, outgoing
from sp1tee.wire.pb import types_pb2, worker_pb2
from sp1tee.wire.pb.worker_pb2_grpc import WorkersStub

# Beyond what the server was asked to take: the way there and back.
_CALL_SECONDS = 15.0

_DETAILS = 500

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


class _Refused(ServerRefused):
    """A refusal, with the status that carried it."""

    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to a worker that asks for work.

    Attributes:
        lease: what there is to do, if anything.
        look_again_s: when there is nothing, how long one that is busy should not look again.
    """

    lease: Lease | None
    look_again_s: float = 0.0


class Server:
    """The server as one worker sees it.

    Every method raises `WorkerTokenRefused`, `ServerAway` (try again) or `ServerRefused` (don't);
    those about a lease raise `LeaseGone` when it is no longer this worker's.
    """

    def __init__(self, channel: aio.Channel, endpoint: Endpoint, worker: str) -> None:
        self._stub = WorkersStub(channel)
        self._metadata = endpoint.metadata
        self._worker = worker

    async def greet(self) -> None:
        """Ask for nothing, to see that the server is there and takes the token."""
        request = worker_pb2.HeartbeatRequest(worker=self._worker)
        await self._call(self._stub.Heartbeat, request)

    async def lease(
        self, capabilities: Iterable[Capability], wait: float, keys: Iterable[bytes] = ()
    ) -> Answer:
        """Wait up to `wait` seconds for a request that fits; raises `IdError` for a broken one.

        `keys` are hashes of the programs that this worker has set up.
        """
        request = worker_pb2.LeaseRequest(
            worker=self._worker,
            capabilities=[_capability(offered) for offered in capabilities],
            wait_ms=round(wait * 1000),
            keys=keys,
        )
        beside: dict[str, str] = {}
        reply = await self._call(
            self._stub.Lease, request, seconds=wait + _CALL_SECONDS, beside=beside
        )
        if not reply.HasField("lease"):
            return Answer(None, reply.look_again_ms / 1000)
        return Answer(Lease.from_wire(reply.lease, beside.get(HEADER, "")))

    async def finish(
        self, lease: Lease, execution: Execution, proof_sha256: bytes, *, mock: bool
    ) -> None:
        """Say that the proof was handed in: only now does it count."""
        request = worker_pb2.FinishRequest(
            lease_id=lease.id,
            lease_token=lease.token,
            execution=_report(execution),
            proof_sha256=proof_sha256,
            mock=mock,
        )
        await self._about(lease, self._stub.Finish, request)

    async def fail(self, lease: Lease, failure: JobFailed, execution: Execution | None) -> None:
        """Say why there will be no proof, and what the run showed if it came to an end."""
        request = worker_pb2.FailRequest(
            lease_id=lease.id,
            lease_token=lease.token,
            retryable=failure.retryable,
            error=types_pb2.ProofRequestError.ValueType(failure.error),
            cause=types_pb2.ExecuteFailureCause.ValueType(failure.cause),
            text=failure.message,
            execution=_report(execution) if execution else None,
            printed=failure.printed,
        )
        await self._about(lease, self._stub.Fail, request)

    async def release(self, lease: Lease) -> None:
        """Give a request back; the attempt does not count."""
        request = worker_pb2.ReleaseRequest(lease_id=lease.id, lease_token=lease.token)
        await self._about(lease, self._stub.Release, request)

    async def _about(
        self,
        lease: Lease,
        method: aio.UnaryUnaryMultiCallable[_Request, _Reply],
        request: _Request,
    ) -> _Reply:
        """Make a call that only the holder of a lease may make."""
        # For the server's log.
        named = (("sp1tee-request", lease.request),) if lease.request else ()
        try:
            return await self._call(method, request, metadata=(*named, *outgoing()))
        except _Refused as refusal:
            if refusal.status is grpc.StatusCode.FAILED_PRECONDITION:
                raise LeaseGone(f"The lease is lost. {refusal.message}") from None
            raise

    async def _call(
        self,
        method: aio.UnaryUnaryMultiCallable[_Request, _Reply],
        request: _Request,
        *,
        seconds: float = _CALL_SECONDS,
        metadata: tuple[tuple[str, str], ...] = (),
        beside: dict[str, str] | None = None,
    ) -> _Reply:
        """Make a call; `beside` gets the texts of the reply's trailers."""
        sent = (*self._metadata, *metadata)
        try:
            call = method(request, timeout=seconds, metadata=sent)
            reply = await call
            if beside is not None:
                trailers = await call.trailing_metadata()
                beside |= {name: text for name, text in trailers if isinstance(text, str)}
        except aio.AioRpcError as error:
            raise translate(error.code(), error.details()) from None
        if not isinstance(reply, Message):
            # grpc.aio hands out None for bytes that are no such message.
            raise ServerAway("The server answered with something that cannot be read.")
        return reply


def translate(status: grpc.StatusCode, details: str | None) -> FulfillError:
    """Turn a call's failure into ours; the server's text is meant to be read."""
    if status is grpc.StatusCode.UNAUTHENTICATED:
        return WorkerTokenRefused("The server does not accept this worker's token or certificate.")
    text = f"{status.name}, {(details or 'no reason given')[:_DETAILS]}"
    if status in PASSING:
        return ServerAway(f"The server did not answer: {text}")
    return _Refused(status, f"The server refused: {text}")


def _capability(offered: Capability) -> worker_pb2.Capability:
    modes = [types_pb2.ProofMode.ValueType(mode) for mode in sorted(offered.modes)]
    return worker_pb2.Capability(version=offered.version, modes=modes, mock=offered.mock)


def _report(execution: Execution) -> worker_pb2.ExecutionReport:
    return worker_pb2.ExecutionReport(
        cycles=execution.cycles,
        gas=execution.gas,
        public_values_hash=sha256(execution.public_values).digest(),
    )
