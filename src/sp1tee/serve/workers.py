"""The Workers service: what fulfillers call on the worker listener.

A token on every call is the listener's affair (`worker_auth`); a lease's own token decides about
that lease.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from sp1tee import logs
from sp1tee.errors import MalformedCall, MockRefused, ProofRefused, Refusal, WorkerStoodDown
from sp1tee.serve.background import Background
from sp1tee.serve.caller import caller
from sp1tee.serve.hand_ins import HandIns
from sp1tee.serve.last_words import LastWords
from sp1tee.serve.registry import Registry
from sp1tee.serve.waiting_line import WaitingLine
from sp1tee.serve.worker_messages import (
    capabilities_of,
    execution_of,
    failure_of,
    keys_of,
    lease_message,
    printed_of,
    worker_name,
)
from sp1tee.store.records import Capability, Failure, Leased, RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import worker_pb2, worker_pb2_grpc

SERVICE: Final = "sp1tee.worker.v1.Workers"
LONGEST_WAIT_S: Final = 60.0

_MOST_BEATS: Final = 256

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How requests are handed out.

    Attributes:
        ttl_s: how long a worker may be silent.
        allow_mock: whether mock provers may work here.
        settle: whether a proof settles its request, because no other network is to be told.
        tenant_key: secret that tenants' labels are made with.
    """

    ttl_s: float
    allow_mock: bool
    settle: bool
    tenant_key: bytes


class Workers(worker_pb2_grpc.WorkersServicer):
    """Hands out requests and takes what becomes of them."""

    def __init__(
        self,
        store: Store,
        line: WaitingLine,
        hand_ins: HandIns,
        *,
        registry: Registry,
        background: Background,
        last_words: LastWords,
        rules: LeaseRules,
    ) -> None:
        self._requests = store.requests
        self._identities = store.identities
        self._line = line
        self._hand_ins = hand_ins
        self._registry = registry
        self._background = background
        self._last_words = last_words
        self._rules = rules

    async def Lease(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.LeaseRequest, context: Any
    ) -> worker_pb2.LeaseReply:
        """Hand out a request that fits, as soon as there is one: requesters take turns."""
        worker = await self._name(request.worker)
        capabilities = capabilities_of(request)
        if not self._rules.allow_mock and any(offered.mock for offered in capabilities):
            raise MockRefused("This worker makes mock proofs, and this server takes none.")
        self._registry.leases(worker, capabilities)
        keys, wait_s = keys_of(request), min(request.wait_ms / 1000, LONGEST_WAIT_S)
        leased = await self._wait(worker, capabilities, wait_s, keys)
        if leased is None:
            return worker_pb2.LeaseReply(look_again_ms=round(self._registry.look_again_s * 1000))
        self._return_if_undelivered(leased, context)
        lease = lease_message(leased, self._rules.ttl_s, self._rules.tenant_key)
        return worker_pb2.LeaseReply(lease=lease)

    async def Heartbeat(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.HeartbeatRequest, _context: Any
    ) -> worker_pb2.HeartbeatReply:
        """Keep leases alive; name those that are lost."""
        if len(request.beats) > _MOST_BEATS:
            raise MalformedCall(f"More than {_MOST_BEATS} leases in one heartbeat.")
        self._registry.beats(await self._name(request.worker))
        # Together, so that they share one fsync.
        kept = await asyncio.gather(*map(self._beat, request.beats))
        lost = [
            beat.lease_id for beat, is_kept in zip(request.beats, kept, strict=True) if not is_kept
        ]
        return worker_pb2.HeartbeatReply(drop=lost)

    async def Finish(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.FinishRequest, _context: Any
    ) -> worker_pb2.FinishReply:
        """Take a proof that was handed in, if it is what the worker says."""
        # A worker that hangs up now hears nothing, but its proof counts.
        await self._background.outlast(self._finish(request))
        return worker_pb2.FinishReply()

    async def Fail(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.FailRequest, _context: Any
    ) -> worker_pb2.FailReply:
        """Give a request back for another try, or end it."""
        failure = failure_of(request)
        lease_id, token = request.lease_id, request.lease_token
        if request.retryable:
            record = await self._requests.give_back(
                lease_id, token, counts=True, reason=failure.text, identity=caller()
            )
        else:
            record = await self._fail(lease_id, token, failure, printed_of(request))
        _log.info("worker failed", request=record.key, state=record.state, reason=failure.text)
        return worker_pb2.FailReply()

    async def Release(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.ReleaseRequest, _context: Any
    ) -> worker_pb2.ReleaseReply:
        """Take a request back that was not begun."""
        await self._requests.give_back(
            request.lease_id,
            request.lease_token,
            counts=False,
            reason="released by its worker",
            identity=caller(),
        )
        return worker_pb2.ReleaseReply()

    async def _fail(
        self, lease_id: str, token: bytes, failure: Failure, printed: str
    ) -> RequestRecord:
        """End a request; whoever sees that it ended sees its program's last words too."""
        identity = caller()
        leased = (
            await self._requests.lease_record(lease_id, token, identity=identity)
            if printed
            else None
        )
        if leased is None or leased.state is not State.LEASED:
            return await self._requests.fail_lease(lease_id, token, failure, identity=identity)
        self._last_words.keep(leased.key, printed)
        try:
            return await self._requests.fail_lease(lease_id, token, failure, identity=identity)
        except BaseException:
            self._last_words.forget(leased.key)
            raise

    async def _finish(self, request: worker_pb2.FinishRequest) -> None:
        lease_id, token = request.lease_id, request.lease_token
        execution = execution_of(request.execution)
        try:
            with self._hand_ins.counting(
                lease_id, token, request.proof_sha256, execution, mock=request.mock
            ) as result:
                record = await self._requests.finish(
                    lease_id, token, result, settle=self._rules.settle, identity=caller()
                )
        except ProofRefused:
            await self._requests.note_refused(lease_id, token, identity=caller())
            raise
        _log.info("proof taken", request=record.key, mock=request.mock, bytes=result.proof.size)

    async def _name(self, claimed: str) -> str:
        """Return a worker's name: that of its own token, else what it says, if that is nobody's."""
        own, name = caller(), worker_name(claimed)
        if own is None and await self._identities.is_known(name):
            return f"{name} (shared token)"
        return own or name

    async def _wait(
        self,
        worker: str,
        capabilities: tuple[Capability, ...],
        seconds: float,
        keys: frozenset[bytes],
    ) -> Leased | None:
        """Wait in line for a lease; a worker that gets none waits where nothing is handed out."""
        until = asyncio.get_running_loop().time() + seconds
        try:
            return await self._line.wait(
                capabilities, seconds, lambda: self._take(worker, capabilities, keys), keys
            )
        except WorkerStoodDown as error:
            _log.info("no work for this worker", worker=worker, why=error.message)
        left = max(0.0, until - asyncio.get_running_loop().time())
        return await self._line.wait((), left, _nothing)

    async def _take(
        self, worker: str, capabilities: tuple[Capability, ...], keys: frozenset[bytes]
    ) -> Leased | None:
        """Try to lease. A worker that goes away meanwhile leaves nothing leased behind."""
        taking = asyncio.ensure_future(
            self._requests.lease(
                worker, capabilities, self._rules.ttl_s, keys=keys, identity=caller()
            )
        )
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._background.begin(self._put_back(taking, caller()))
            raise

    async def _put_back(
        self, taking: "asyncio.Future[Leased | None]", identity: str | None
    ) -> None:
        if (leased := await taking) is not None:
            await self._give_back(leased, identity)

    def _return_if_undelivered(self, leased: Leased, context: Any) -> None:
        identity = caller()

        def over(ended: Any) -> None:
            if ended.cancelled():
                self._background.begin(self._give_back(leased, identity))

        context.add_done_callback(over)

    async def _give_back(self, leased: Leased, identity: str | None) -> None:
        try:
            await self._requests.give_back(
                leased.lease_id,
                leased.token,
                counts=False,
                reason="its worker went away",
                identity=identity,
            )
        except Refusal:
            _log.info("lease was lost before its worker was told", request=leased.record.key)

    async def _beat(self, beat: worker_pb2.HeartbeatRequest.Beat) -> bool:
        return await self._requests.beat(
            beat.lease_id, beat.lease_token, beat.stage, self._rules.ttl_s, identity=caller()
        )


async def _nothing() -> None:
    """Take nothing."""
