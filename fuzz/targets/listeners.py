"""Both listeners of a real server, sent anything over sockets."""

import atexit
import itertools
from collections.abc import Callable, Iterator
from functools import cache

from fuzz import seeds
from fuzz.listeners import frames
from fuzz.listeners.server import ADMIN_TOKEN, TOKEN, Server
from fuzz.target import Entry, Target
from sp1tee.wire.pb import types_pb2, worker_pb2

_SIZE = 1 << 15
_CHECKED_EVERY = 100
_LEASE = "lease_01h455vb4pex5vsknk084sn02q"
_MODES = types_pb2.ProofMode.values()
_WORKERS = "/sp1tee.worker.v1.Workers"


@cache
def _server() -> Server:
    """Return this process's server, which ends with it."""
    server, stack = Server.start()
    atexit.register(stack.close)
    return server


def _entry(*, worker: bool) -> Entry:
    count = itertools.count(1)

    def send(data: bytes) -> None:
        server = _server()
        server.send(data, worker=worker)
        server.check_log()
        if next(count) % _CHECKED_EVERY == 0:
            server.check()

    return send


def _public_calls() -> Iterator[bytes]:
    """Yield the connections that unmodified SDKs made, as one of ours each."""
    for recording in seeds.recordings():
        calls = [(rpc["method"], (), bytes.fromhex(rpc["request"])) for rpc in recording["rpcs"]]
        yield frames.connection(calls[:12])
    health = "/grpc.health.v1.Health"
    yield frames.connection([(f"{health}/Check", (), b""), (f"{health}/Watch", (), b"")])
    reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    yield frames.connection([(reflection, (), b"\x3a\x00")])


def _worker_calls() -> Iterator[bytes]:
    bearer = (("authorization", f"Bearer {TOKEN.decode()}"),)
    offered = worker_pb2.Capability(version="sp1-v6.1.0", modes=_MODES, mock=True)
    report = worker_pb2.ExecutionReport(cycles=5, gas=7, public_values_hash=bytes(32))
    messages = {
        "Lease": worker_pb2.LeaseRequest(worker="a", capabilities=[offered], wait_ms=1),
        "Heartbeat": worker_pb2.HeartbeatRequest(worker="a"),
        "Finish": worker_pb2.FinishRequest(
            lease_id=_LEASE, lease_token=bytes(32), execution=report
        ),
        "Fail": worker_pb2.FailRequest(lease_id=_LEASE, lease_token=bytes(32), text="no"),
    }
    for name, message in messages.items():
        yield frames.connection([(f"{_WORKERS}/{name}", bearer, message.SerializeToString())] * 2)


def _public_requests() -> Iterator[bytes]:
    yield b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n" * 2
    yield b"GET /proofs/" + b"a" * 43 + b" HTTP/1.1\r\nhost: a\r\nrange: bytes=0-9\r\n\r\n"
    upload = b"/artifacts/stdin/artifact_01h455vb4pex5vsknk084sn02q?token=" + b"a" * 43
    yield b"PUT " + upload + b" HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde"
    chunked = b"transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
    yield b"PUT " + upload + b" HTTP/1.1\r\nhost: a\r\n" + chunked
    yield b"GET /evidences/quote.json HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
    upgrade = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
    yield b"POST /network.ProverNetwork/GetNonce HTTP/1.1\r\nhost: a\r\n" + upgrade + b"\r\n"


def _worker_requests() -> Iterator[bytes]:
    known = b" HTTP/1.1\r\nhost: a\r\nauthorization: Bearer " + TOKEN + b"\r\n"
    held = known + b"sp1tee-lease: " + b"5a" * 32 + b"\r\n"
    lease = _LEASE.encode()
    yield b"GET /blobs/stdin/" + lease + held + b"range: bytes=5-\r\n\r\n"
    yield b"PUT /proofs/" + lease + held + b"content-length: 5\r\n\r\nproof"
    yield b"GET /metrics" + known + b"\r\nGET /health/ready" + known + b"\r\n"
    admin = known.replace(TOKEN, ADMIN_TOKEN)
    yield b"GET /admin/requests?state=queued&limit=5" + admin + b"\r\n"
    yield b"POST /admin/workers/a/drain" + admin + b"content-length: 0\r\n\r\n"


def _target(name: str, made: Callable[[], Iterator[bytes]], *, worker: bool, h2: bool) -> Target:
    return Target(
        f"listener.{name}",
        (),
        _entry(worker=worker),
        (),
        made,
        size=_SIZE,
        seconds=30,
        blind=True,
        weight=5,
        **({"mutate": frames.changed} if h2 else {}),
    )


TARGETS = (
    _target("public_h1", _public_requests, worker=False, h2=False),
    _target("public_h2", _public_calls, worker=False, h2=True),
    _target("worker_h1", _worker_requests, worker=True, h2=False),
    _target("worker_h2", _worker_calls, worker=True, h2=True),
)
