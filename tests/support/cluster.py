"""A cluster that speaks sp1-cluster's protos: real sockets, its own reader of the store, faults.

Nothing happens in it by itself: a request moves when its state is asked for.
"""
# ruff: noqa: N802 - methods have the names of gRPC's calls

from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, RLock
from types import TracebackType
from typing import Any, Protocol, Self

import grpc
from google.protobuf.empty_pb2 import Empty

from sp1tee.errors import ServerAway
from sp1tee.fulfill.provers.cluster.artifacts import Kind
from sp1tee.wire.pb import cluster_pb2 as pb
from sp1tee.wire.pb import cluster_worker_pb2 as worker_pb
from sp1tee.wire.pb.cluster_pb2_grpc import ClusterServiceServicer
from sp1tee.wire.pb.cluster_pb2_grpc import add_ClusterServiceServicer_to_server as add_api
from sp1tee.wire.pb.cluster_worker_pb2_grpc import WorkerServiceServicer
from sp1tee.wire.pb.cluster_worker_pb2_grpc import (
    add_WorkerServiceServicer_to_server as add_coordinator,
)

PENDING, COMPLETED, FAILED, CANCELLED = 1, 2, 3, 4


class Shelf(Protocol):
    """The store, as the cluster's workers reach it."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, packed: bytes) -> None: ...


@dataclass
class MemoryStore:
    """A store for tests of all but the store: both ends of it.

    Attributes:
        away: how many of the next calls fail, by what they do.
        puts: every name that was stored, in order.
        keeps: whether it keeps what is stored.
        state: what `health` says.
    """

    name: str = "The shelf"
    items: dict[str, bytes] = field(default_factory=dict)
    seconds: dict[str, int | None] = field(default_factory=dict)
    away: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    puts: list[str] = field(default_factory=list)
    keeps: bool = True
    state: tuple[bool, str, str] = (True, "All is well.", "")

    def _serve(self, doing: str) -> None:
        if self.away[doing]:
            self.away[doing] -= 1
            raise ServerAway(f"The shelf did not serve ({doing}).")

    async def put(self, kind: Kind, name: str, packed: bytes, seconds: int | None) -> None:
        self._serve("put")
        self.puts.append(name)
        self.seconds[name] = seconds
        if self.keeps:
            self.items[name] = packed

    async def get(self, kind: Kind, name: str, limit: int) -> bytes | None:
        self._serve("get")
        return self.items.get(name)

    async def holds(self, kind: Kind, name: str) -> bool:
        self._serve("holds")
        return name in self.items

    async def delete(self, kind: Kind, name: str) -> None:
        self._serve("delete")
        self.items.pop(name, None)

    async def health(self) -> tuple[bool, str, str]:
        self._serve("health")
        return self.state

    async def aclose(self) -> None:
        pass

    def read(self, name: str) -> bytes | None:
        return self.items.get(name)

    def write(self, name: str, packed: bytes) -> None:
        self.items[name] = packed


@dataclass(frozen=True)
class Trouble:
    """A gRPC status instead of an answer."""

    status: grpc.StatusCode
    text: str = ""


Fate = Callable[["ClusterStandIn", pb.ProofRequest], None]


def proves(proof: bytes) -> Fate:
    """Do as a cluster does: read what is to be proved, leave the proof, remove the input."""

    def work(cluster: "ClusterStandIn", row: pb.ProofRequest) -> None:
        if not cluster.reads(row):
            fails()(cluster, row)
            return
        cluster.shelf.write(row.proof_artifact_id, proof)
        row.proof_status = COMPLETED

    return work


def fails(
    extra: str = '{"proving_failure":{"task_type":"ProveShard","reason":"a SECRET"}}',
) -> Fate:
    def work(_: "ClusterStandIn", row: pb.ProofRequest) -> None:
        row.proof_status = FAILED
        row.extra_data = extra

    return work


def executes(extra: str) -> Fate:
    def work(cluster: "ClusterStandIn", row: pb.ProofRequest) -> None:
        assert cluster.reads(row)
        row.proof_status = COMPLETED
        row.extra_data = extra

    return work


def in_turn(*fates: Fate) -> Fate:
    """Do another thing each time that the state is asked for."""
    looks = iter(fates)

    def work(cluster: "ClusterStandIn", row: pb.ProofRequest) -> None:
        next(looks)(cluster, row)

    return work


def hangs(_: "ClusterStandIn", __: pb.ProofRequest) -> None:
    pass


class ClusterStandIn:
    """API and coordinator of a cluster, with workers that do as told.

    Attributes:
        fates: what becomes of the next requests, one each; the last one of all further ones.
        rows: the API's database.
        read: what the workers read of the store: program and input of each request.
        script: troubles to answer with first, by method.
        hands: what the coordinator works on; it forgets it when it is restarted.
        takes_up: whether it takes up old requests after that.
        lost_replies: how many of the next requests are taken without an answer.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.fates: deque[Fate] = deque()
        self.rows: dict[str, pb.ProofRequest] = {}
        self.created: list[pb.ProofRequestCreateRequest] = []
        self.read: list[tuple[bytes, bytes]] = []
        self.stopped: list[str] = []
        self.hands: set[str] = set()
        self.takes_up = True
        self.lost_replies = 0
        self.script: dict[str, deque[Trouble | bytes]] = defaultdict(deque)
        self.stats = worker_pb.GetStatsResponse(cpu_workers=1, sp1_circuit_version="v6.1.0")
        self.manifest = pb.ClusterComponentManifest()
        self.calls: list[str] = []
        self._fate: dict[str, Fate] = {}
        self._events: dict[str, Event] = defaultdict(Event)
        self._lock = RLock()

    def __enter__(self) -> Self:
        self._api, port = _serve(self, add_api, _ApiServicer(self))
        self.url = f"http://127.0.0.1:{port}"
        self._coordinator, port = _serve(self, add_coordinator, _CoordinatorServicer(self))
        self.coordinator_url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._api.stop(None).wait()
        self._coordinator.stop(None).wait()

    def will(self, *fates: Fate) -> None:
        self.fates.extend(fates)

    def trouble(self, method: str, *troubles: Trouble | bytes) -> None:
        self.script[method].extend(troubles)

    def asked(self, method: str) -> Event:
        """An event that is set once a method has been called."""
        return self._events[method]

    def restart_coordinator(self, *, takes_up: bool) -> None:
        with self._lock:
            self.hands.clear()
            self.takes_up = takes_up

    def forget(self) -> None:
        """The database is made anew."""
        with self._lock:
            self.rows.clear()

    def add(self, row: pb.ProofRequest) -> None:
        """Put a row into the database that somebody else left there."""
        self.rows[row.id] = row
        self._fate[row.id] = hangs

    def reads(self, row: pb.ProofRequest) -> bool:
        program = self.shelf.read(row.program_artifact_id)
        stdin = self.shelf.read(row.stdin_artifact_id)
        if program is None or stdin is None:
            return False
        self.read.append((program, stdin))
        return True

    def noted(self, method: str) -> Trouble | bytes | None:
        with self._lock:
            self.calls.append(method)
            self._events[method].set()
            return self.script[method].popleft() if self.script[method] else None

    def create(self, request: pb.ProofRequestCreateRequest) -> bool:
        with self._lock:
            self.created.append(request)
            if request.proof_id in self.rows:
                return False
            fields = {
                field.name: value
                for field, value in request.ListFields()
                if field.name != "proof_id"
            }
            self.rows[request.proof_id] = pb.ProofRequest(
                id=request.proof_id, proof_status=PENDING, **fields
            )
            self._fate[request.proof_id] = self._next_fate()
            self.hands.add(request.proof_id)
            self.takes_up = True
            return True

    def look(self, proof_id: str) -> pb.ProofRequest | None:
        with self._lock:
            row = self.rows.get(proof_id)
            if row is None or row.proof_status != PENDING:
                return row
            if self.takes_up:
                self.hands.add(row.id)
            if row.id in self.hands:
                self._fate[row.id](self, row)
            return row

    def _next_fate(self) -> Fate:
        return self.fates.popleft() if len(self.fates) > 1 else self.fates[0]


class _ApiServicer(ClusterServiceServicer):
    def __init__(self, cluster: ClusterStandIn) -> None:
        self._cluster = cluster

    def Healthcheck(self, request: Empty, context: Any) -> Empty:
        return Empty()

    def ProofRequestCreate(self, request: Any, context: Any) -> Empty:
        if not self._cluster.create(request):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "it is there already")
        if self._cluster.lost_replies:
            self._cluster.lost_replies -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "the line broke")
        return Empty()

    def ProofRequestGet(self, request: Any, context: Any) -> pb.ProofRequestGetResponse:
        return pb.ProofRequestGetResponse(proof_request=self._cluster.look(request.proof_id))

    def ProofRequestCancel(self, request: Any, context: Any) -> Empty:
        row = self._cluster.rows.get(request.proof_id)
        if row is not None and row.proof_status == PENDING:
            row.proof_status = CANCELLED
        return Empty()

    def ProofRequestUpdate(self, request: Any, context: Any) -> Empty:
        row = self._cluster.rows.get(request.proof_id)
        if row is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such request")
        else:
            row.handled = request.handled
        return Empty()

    def ProofRequestList(self, request: Any, context: Any) -> pb.ProofRequestListResponse:
        found = [
            row
            for row in self._cluster.rows.values()
            if row.scheduled_by == request.scheduled_by and row.handled is request.handled
        ]
        return pb.ProofRequestListResponse(proof_requests=found[: request.limit])

    def GetClusterComponentInfo(self, request: Any, context: Any) -> pb.ClusterComponentManifest:
        return self._cluster.manifest


class _CoordinatorServicer(WorkerServiceServicer):
    def __init__(self, cluster: ClusterStandIn) -> None:
        self._cluster = cluster

    def CancelProof(self, request: Any, context: Any) -> Empty:
        self._cluster.stopped.append(request.proof_id)
        if request.proof_id not in self._cluster.hands:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such proof")
        return Empty()

    def GetTaskStatuses(self, request: Any, context: Any) -> worker_pb.GetTaskStatusesResponse:
        if request.proof_id not in self._cluster.hands:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such proof")
        return worker_pb.GetTaskStatusesResponse()

    def GetStats(self, request: Any, context: Any) -> worker_pb.GetStatsResponse:
        return self._cluster.stats


class _Scripted(grpc.ServerInterceptor):
    """Answers with trouble where the script says so."""

    def __init__(self, cluster: ClusterStandIn) -> None:
        self._cluster = cluster

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = continuation(details)
        trouble = self._cluster.noted(details.method.rpartition("/")[2])
        if trouble is None or handler is None:
            return handler

        def answer(request: Any, context: grpc.ServicerContext) -> bytes:
            if isinstance(trouble, Trouble):
                context.abort(trouble.status, trouble.text)
            return trouble

        return grpc.unary_unary_rpc_method_handler(answer)


def _serve(cluster: ClusterStandIn, add: Any, servicer: Any) -> tuple[grpc.Server, int]:
    server = grpc.server(
        ThreadPoolExecutor(4), interceptors=[_Scripted(cluster)], options=[("grpc.so_reuseport", 0)]
    )
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
