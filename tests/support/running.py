"""A whole server on loopback ports, in this event loop, with a door to its store."""

import atexit
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from grpc import aio

from sp1tee.serve.opening import open_kept
from sp1tee.serve.service import Server, open_server
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.stopping import Stopping
from sp1tee.store.records import Artifact, ArtifactKind, Leased, RequestRecord
from sp1tee.wire.ids import new_id
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import worker_pb2, worker_pb2_grpc
from sp1tee.wire.versions import Family
from support.stores import ALICE, V6, Clock, Room

TOKEN = "a-worker-token-of-its-own"
ADMIN_TOKEN = "an-admin-token-of-its-own"
PUBLIC_VALUES = b"what the guest revealed"
VK_HASH = bytes(3) + b"\x01" + bytes(28)
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Place:
    """Where something may be uploaded once."""

    artifact: Artifact
    token: str

    @property
    def path(self) -> str:
        return f"/artifacts/{self.artifact.kind}/{self.artifact.id}?token={self.token}"


@dataclass
class Running:
    """A running server, its store, and clients for both listeners."""

    server: Server
    room: Room
    stopping: Stopping
    public: httpx.AsyncClient
    worker: httpx.AsyncClient
    channel: aio.Channel
    worker_channel: aio.Channel
    heard: list[RequestRecord] = field(default_factory=list)

    @property
    def workers(self) -> worker_pb2_grpc.WorkersStub:
        return worker_pb2_grpc.WorkersStub(self.worker_channel)

    async def place(self, kind: ArtifactKind = "stdin") -> Place:
        token, artifact_id = new_id("token"), new_id("artifact")
        artifact = await self.room.store.artifacts.create(
            kind,
            ALICE,
            uri=f"{self.server.public.url}/artifacts/{kind}/{artifact_id}",
            token_hash=sha256(token.encode()).digest(),
            expires_at=time.time() + 3600,
            artifact_id=artifact_id,
        )
        return Place(artifact, token)

    async def state(self, place: Place) -> str:
        artifact = await self.room.store.artifacts.get(place.artifact.id)
        assert artifact is not None
        return artifact.state

    async def content(self, place: Place) -> bytes:
        artifact = await self.room.store.artifacts.get(place.artifact.id)
        assert artifact is not None
        assert artifact.blob is not None
        return await self.room.read(artifact.blob)

    async def queued(self, **facts: Any) -> RequestRecord:
        if await self.room.store.programs.get(VK_HASH, ALICE) is None:
            await self.room.program(VK_HASH)
        return await self.room.queued(vk_hash=VK_HASH, **facts)

    async def lease(self, *, wait_ms: int = 0, **capability: Any) -> worker_pb2.Lease | None:
        reply = await self.workers.Lease(
            lease_request(wait_ms=wait_ms, **capability), metadata=AUTH
        )
        return reply.lease if reply.HasField("lease") else None

    async def leased(self, **facts: Any) -> worker_pb2.Lease:
        await self.queued(**facts)
        lease = await self.lease()
        assert lease is not None
        return lease

    async def put_proof(self, lease: worker_pb2.Lease, proof: bytes) -> httpx.Response:
        return await self.worker.put(
            f"/proofs/{lease.lease_id}", content=proof, headers=holder(lease)
        )

    async def finish(self, lease: worker_pb2.Lease, proof: bytes, **changes: Any) -> None:
        await self.workers.Finish(finish_request(lease, proof, **changes), metadata=AUTH)

    async def record(self, lease: worker_pb2.Lease) -> RequestRecord:
        record = await self.room.store.requests.lease_record(lease.lease_id, lease.lease_token)
        assert record is not None
        return record


ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
AUTH = (("authorization", f"Bearer {TOKEN}"),)


def holder(lease: worker_pb2.Lease | Leased) -> dict[str, str]:
    token = lease.token if isinstance(lease, Leased) else lease.lease_token
    return {"sp1tee-lease": token.hex()}


def lease_request(
    *,
    wait_ms: int = 0,
    worker: str = "gpu-1",
    version: str = V6,
    mock: bool = True,
    keys: Sequence[bytes] = (),
) -> worker_pb2.LeaseRequest:
    capability = worker_pb2.Capability(version=version, modes=[1, 2, 3, 4], mock=mock)
    return worker_pb2.LeaseRequest(
        worker=worker, capabilities=[capability], wait_ms=wait_ms, keys=keys
    )


def a_proof(
    *, mode: Mode = Mode.GROTH16, vk_hash: bytes = VK_HASH, public_values: bytes = PUBLIC_VALUES
) -> bytes:
    return mock_proof(mode, Family.V6, vk_hash, public_values).encode_network()


def finish_request(
    lease: worker_pb2.Lease, proof: bytes, **changes: Any
) -> worker_pb2.FinishRequest:
    given: dict[str, Any] = {
        "lease_id": lease.lease_id,
        "lease_token": lease.lease_token,
        "execution": worker_pb2.ExecutionReport(
            cycles=1000, gas=7, public_values_hash=sha256(PUBLIC_VALUES).digest()
        ),
        "proof_sha256": sha256(proof).digest(),
        "mock": True,
    }
    return worker_pb2.FinishRequest(**(given | changes))


def settings(directory: Path, **changes: Any) -> ServeSettings:
    given: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "worker_listen": "127.0.0.1:0",
        "data_dir": directory / "data",
        "worker_token": TOKEN,
        "admin_token": ADMIN_TOKEN,
        "allow_mock": True,
        "drain_s": PATIENCE_S,
    }
    return ServeSettings(**(given | changes))


async def fresh_data(directory: Path) -> None:
    """Put a store in place that nobody has used; a copy, as making its tables takes time."""
    if not _template:
        kept = TemporaryDirectory()
        atexit.register(kept.cleanup)
        await (await open_kept(settings(Path(kept.name)))).store.aclose()
        _template.append(Path(kept.name))
    shutil.copytree(_template[0] / "data", directory / "data", dirs_exist_ok=True)


_template: list[Path] = []


@asynccontextmanager
async def running(directory: Path, **changes: Any) -> AsyncIterator[Running]:
    """Run a server for as long as the block runs."""
    if not (directory / "data").exists():
        await fresh_data(directory)
    async with AsyncExitStack() as stack:
        server = await open_server(settings(directory, **changes), stack)
        stopping = Stopping(None)
        await server.start(stack, stopping)
        public, worker = server.public.url, server.worker.url
        yield Running(
            server=server,
            room=Room(server.core.store, Clock(time.time())),
            stopping=stopping,
            public=await stack.enter_async_context(httpx.AsyncClient(base_url=public)),
            worker=await stack.enter_async_context(
                httpx.AsyncClient(base_url=worker, headers={"authorization": f"Bearer {TOKEN}"})
            ),
            channel=await stack.enter_async_context(aio.insecure_channel(public[7:])),
            worker_channel=await stack.enter_async_context(aio.insecure_channel(worker[7:])),
        )
