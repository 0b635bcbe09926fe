"""A stand-in for the server's worker listener, written to worker.proto, on real sockets.

It runs in a thread of its own, so that it goes on while the worker's event loop is blocked. gRPC and
HTTP share one port as they do on the real one: the first bytes of a connection tell them apart. It
can cut transfers, die and come back with what it had made durable.
"""

import asyncio
import contextlib
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import h11
from grpc import aio

from sp1tee.wire.artifacts import pack
from sp1tee.wire.ids import new_id
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import worker_pb2
from sp1tee.wire.pb.worker_pb2_grpc import WorkersServicer, add_WorkersServicer_to_server
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import parse_version

TOKEN = "a-worker-token"
PATIENCE = 30.0

Context = aio.ServicerContext[Any, Any]
_STORED = 204


@dataclass(eq=False)
class Work:
    """A request, and what became of it."""

    elf: bytes
    stdin: bytes
    version: str = "sp1-v6.1.0"
    mode: int = Mode.GROTH16
    vk_hash: bytes = bytes(32)
    vk: bytes = b""
    deadline: int = 0
    cycle_limit: int = 0
    gas_limit: int = 0
    ttl_ms: int = 30_000
    attempt: int = 1
    tenant: str = "tenant"
    request: str = field(default_factory=lambda: new_id("req"))
    program_sha256: bytes = b""
    stdin_size: int | None = None
    request_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    lease_id: str = field(default_factory=lambda: new_id("lease"))
    lease_token: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    open: bool = True
    held: bool = False
    put: bytes | None = None
    proof: bytes | None = None
    finishes: list[worker_pb2.FinishRequest] = field(default_factory=list)
    failure: worker_pb2.FailRequest | None = None
    released: bool = False
    stages: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, elf: bytes, stdin: Stdin, version: str = "sp1-v6.1.0", **rest: Any) -> "Work":
        packed = pack(stdin.encode(), parse_version(version).family)
        return cls(elf=elf, stdin=packed, version=version, **rest)

    def to_wire(self) -> worker_pb2.Lease:
        return worker_pb2.Lease(
            lease_id=self.lease_id,
            lease_token=self.lease_token,
            request_id=self.request_id,
            vk_hash=self.vk_hash,
            version=self.version,
            mode=self.mode,
            deadline=self.deadline or int(time.time()) + 3600,
            cycle_limit=self.cycle_limit,
            gas_limit=self.gas_limit,
            stdin_size=len(self.stdin) if self.stdin_size is None else self.stdin_size,
            program_size=len(self.elf),
            program_sha256=self.program_sha256 or hashlib.sha256(self.elf).digest(),
            vk=self.vk,
            ttl_ms=self.ttl_ms,
            attempt=self.attempt,
            tenant=self.tenant,
            request=self.request,
        )


class WorkerListener:
    """The stand-in. Its methods may be called from any thread."""

    def __init__(self, token: str = TOKEN, tls: ssl.SSLContext | None = None) -> None:
        self.token = token
        self._tls = tls
        self.port = 0
        self.works: list[Work] = []
        self.look_again_ms = 0
        self.keys: tuple[bytes, ...] = ()
        self.why_not: dict[str, str] = {}
        self.events: list[str] = []
        self.moments: dict[str, float] = {}
        self.refuse_token = False
        self.careless = False
        self.ignores_ranges = False
        self.drops_late: list[str] = []
        self.dies_after = ""
        self.forgets_puts = 0
        self.lease_refusal: tuple[grpc.StatusCode, str] | None = None
        self.cuts: dict[str, list[int]] = {}
        self.statuses: dict[str, list[int]] = {}
        self._restart: asyncio.Task[None] | None = None
        self.changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker-listener")
        self._grpc: aio.Server | None = None
        self._front: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._news = asyncio.Event()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    # --- what tests do ---------------------------------------------------------------------

    @contextlib.contextmanager
    def serving(self) -> Iterator["WorkerListener"]:
        self._thread.start()
        self.up()
        try:
            yield self
        finally:
            self.down()
            self._do(_cancel_the_rest())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def up(self) -> None:
        self._do(self._up())

    def down(self) -> None:
        """Die: connections break, what was put but not finished is lost."""
        self._do(self._down())

    def offer(self, *works: Work) -> None:
        with self.changed:
            self.works.extend(works)
        self._loop.call_soon_threadsafe(self._tell)

    def drop(self, work: Work) -> None:
        with self.changed:
            work.open = False

    def until(self, true: Callable[[], object], *, seconds: float = PATIENCE) -> None:
        """Block this thread until something is true; asked after each event, and now and then."""
        give_up = time.monotonic() + seconds
        with self.changed:
            while not true():
                assert time.monotonic() < give_up, f"never happened; saw {self.events}"
                self.changed.wait(0.02)

    async def eventually(self, true: Callable[[], object]) -> None:
        await asyncio.to_thread(self.until, true)

    def happened(self, event: str) -> int:
        return self.events.count(event)

    # --- what the server does --------------------------------------------------------------

    def note(self, event: str) -> None:
        with self.changed:
            self.events.append(event)
            self.moments[event] = time.perf_counter()
            self.changed.notify_all()

    async def maybe_die(self) -> None:
        """Die before the last event is answered, if told to, and come back."""
        if self.events[-1:] == [self.dies_after]:
            self.dies_after = ""
            self.restart_soon()
            await asyncio.Event().wait()

    def restart_soon(self) -> None:
        self._restart = self._loop.create_task(self._again())

    async def _again(self) -> None:
        await self._down()
        await self._up()
        self.note("back")

    def find(self, lease_id: str, token: bytes) -> Work | None:
        """Whose lease it is, if its request is open."""
        for work in self.works:
            if work.lease_id == lease_id and secrets.compare_digest(work.lease_token, token):
                return work if work.open else None
        return None

    async def take(self, request: worker_pb2.LeaseRequest) -> Work | None:
        until = asyncio.get_running_loop().time() + request.wait_ms / 1000
        while True:
            self._news.clear()
            for work in self.works:
                if not work.held and work.open and (self.careless or _fits(work, request)):
                    work.held = True
                    return work
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)

    def _tell(self) -> None:
        self._news.set()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _up(self) -> None:
        self._grpc = aio.server()
        add_WorkersServicer_to_server(_Workers(self), self._grpc)
        grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        await self._grpc.start()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, grpc_port)

        self._front = await asyncio.start_server(connected, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._front.sockets[0].getsockname()[1]

    async def _down(self) -> None:
        if self._front is None or self._grpc is None:
            return
        self._front.close()
        for writer in self._open:
            writer.transport.abort()
        await self._grpc.stop(None)
        self._front = self._grpc = None
        for work in self.works:
            work.put = None

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, grpc_port: int
    ) -> None:
        self._open.add(writer)
        try:
            head = await reader.read(3)
            if head.startswith(b"PRI"):
                await _splice(head, reader, writer, grpc_port)
            elif head:
                await _Http(self, reader, writer).serve(head)
        except (ConnectionError, asyncio.CancelledError, h11.RemoteProtocolError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


class _Workers(WorkersServicer):
    def __init__(self, listener: WorkerListener) -> None:
        self._listener = listener

    async def Lease(  # noqa: N802 - named by the protocol
        self, request: worker_pb2.LeaseRequest, context: Context
    ) -> worker_pb2.LeaseReply:
        await self._authenticate(context)
        if self._listener.lease_refusal:
            await context.abort(*self._listener.lease_refusal)
        self._listener.note("waiting" if request.wait_ms else "looking")
        self._listener.keys = tuple(request.keys)
        try:
            work = await self._listener.take(request)
        except asyncio.CancelledError:
            self._listener.note("hung up")
            raise
        if work is None:
            return worker_pb2.LeaseReply(look_again_ms=self._listener.look_again_ms)
        self._listener.note("leased")
        return worker_pb2.LeaseReply(lease=work.to_wire())

    async def Heartbeat(  # noqa: N802 - named by the protocol
        self, request: worker_pb2.HeartbeatRequest, context: Context
    ) -> worker_pb2.HeartbeatReply:
        await self._authenticate(context)
        drop = []
        for beat in request.beats:
            work = self._listener.find(beat.lease_id, beat.lease_token)
            if work is None:
                drop.append(beat.lease_id)
            else:
                work.stages.append(beat.stage)
        if late := self._listener.drops_late:
            drop.extend(late)
            self._listener.note("dropped")
        self._listener.note("beat" if request.beats else "greeting")
        return worker_pb2.HeartbeatReply(drop=drop)

    async def Finish(  # noqa: N802 - named by the protocol
        self, request: worker_pb2.FinishRequest, context: Context
    ) -> worker_pb2.FinishReply:
        await self._authenticate(context)
        work = await self._held(request, context)
        if self._listener.forgets_puts:
            self._listener.forgets_puts -= 1
            work.put = None
        if work.put is None or hashlib.sha256(work.put).digest() != request.proof_sha256:
            await context.abort(grpc.StatusCode.ABORTED, "There is no such proof.")
        work.finishes.append(request)
        work.proof, work.open = work.put, False
        self._listener.note("finished")
        await self._listener.maybe_die()
        return worker_pb2.FinishReply()

    async def Fail(  # noqa: N802 - named by the protocol
        self, request: worker_pb2.FailRequest, context: Context
    ) -> worker_pb2.FailReply:
        await self._authenticate(context)
        work = await self._held(request, context)
        work.failure, work.open = request, False
        self._listener.note("failed")
        return worker_pb2.FailReply()

    async def Release(  # noqa: N802 - named by the protocol
        self, request: worker_pb2.ReleaseRequest, context: Context
    ) -> worker_pb2.ReleaseReply:
        await self._authenticate(context)
        work = await self._held(request, context)
        work.released, work.open = True, False
        self._listener.note("released")
        return worker_pb2.ReleaseReply()

    async def _authenticate(self, context: Context) -> None:
        sent = dict(context.invocation_metadata()).get("authorization")
        if self._listener.refuse_token or sent != f"Bearer {self._listener.token}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "Unknown worker token.")

    async def _held(self, request: Any, context: Context) -> Work:
        work = self._listener.find(request.lease_id, request.lease_token)
        if work is None:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The lease is lost.")
        return work


class _Http:
    def __init__(
        self, listener: WorkerListener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._listener = listener
        self._reader = reader
        self._writer = writer
        self._parser = h11.Connection(h11.SERVER)

    async def serve(self, head: bytes) -> None:
        self._parser.receive_data(head)
        while (request := await self._request()) is not None:
            status, headers, body, cut = self._answer(*request)
            await self._listener.maybe_die()
            head_out = h11.Response(
                status_code=status, headers=[*headers, ("content-length", str(len(body)))]
            )
            self._writer.write(self._parser.send(head_out) or b"")
            if cut is not None:
                self._writer.write(self._parser.send(h11.Data(data=body[:cut])) or b"")
                await self._writer.drain()
                return
            self._writer.write(self._parser.send(h11.Data(data=body)) or b"")
            self._writer.write(self._parser.send(h11.EndOfMessage()) or b"")
            await self._writer.drain()
            self._parser.start_next_cycle()

    async def _request(self) -> tuple[h11.Request, bytes] | None:
        request, body = None, b""
        while True:
            event = self._parser.next_event()
            if event is h11.NEED_DATA:
                self._parser.receive_data(await self._reader.read(1 << 16))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert request is not None
                return request, body
            else:
                return None

    def _answer(
        self, request: h11.Request, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes, int | None]:
        headers = {name.decode(): value.decode() for name, value in request.headers}
        if headers.get("authorization") != f"Bearer {self._listener.token}":
            return 401, [], b"", None
        if request.target == b"/health/ready":
            said = json.dumps({"why_not": self._listener.why_not, "workers": []})
            return 503 if self._listener.why_not else 200, [], said.encode(), None
        *kind, lease_id = request.target.decode().strip("/").split("/")
        what = kind[-1]
        work = self._listener.find(lease_id, bytes.fromhex(headers.get("sp1tee-lease", "")))
        if work is None:
            return 410, [], b"", None
        if self._listener.statuses.get(what):
            return self._listener.statuses[what].pop(0), [], b"", None
        if what == "proofs":
            work.put = body
            self._listener.note("put")
            return _STORED, [], b"", None
        blob = work.elf if what == "program" else work.stdin
        cuts = self._listener.cuts.get(what)
        return self._blob(what, blob, headers.get("range"), cuts.pop(0) if cuts else None)

    def _blob(
        self, what: str, blob: bytes, wanted: str | None, cut: int | None
    ) -> tuple[int, list[tuple[str, str]], bytes, int | None]:
        if wanted is None or self._listener.ignores_ranges:
            self._listener.note(f"get {what}")
            return 200, [], blob, cut
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self._listener.note(f"get {what} from {first}")
        ranged = ("content-range", f"bytes {first}-{len(blob) - 1}/{len(blob)}")
        return 206, [ranged], blob[first:], cut


async def _splice(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    far_writer.write(head)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(1 << 16):
                sink.write(chunk)
                await sink.drain()
        sink.close()

    try:
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
    finally:
        far_writer.close()


def _fits(work: Work, request: worker_pb2.LeaseRequest) -> bool:
    return any(
        offered.version == work.version and work.mode in offered.modes
        for offered in request.capabilities
    )


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
