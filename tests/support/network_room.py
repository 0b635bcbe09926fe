"""The network half of a server in a test: real store, real gRPC, hands for what others do.

Uploads and workers have listeners of their own; here their part is done on the store directly.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from google.protobuf.message import Message
from grpc import aio

from sp1tee.serve.network.build import NetworkRoom, build_network
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.master_key import MasterKey
from sp1tee.store.records import (
    Capability,
    ExecutionFacts,
    Failure,
    Leased,
    RequestRecord,
    Result,
    SealedBlob,
    StoreLimits,
)
from sp1tee.store.store import Store, open_store
from sp1tee.wire.pb import artifact_pb2, types_pb2
from sp1tee.wire.signing import Signer
from support.rpc_servers import SERVERS
from support.serving import (
    ALICE,
    NOW,
    PUBLIC_URL,
    STDIN,
    Clock,
    ProgramFixture,
    ask_for_artifact,
    program_body,
    proof_body,
    real_program,
    sealed,
)

NETWORK = "network.ProverNetwork"
ARTIFACTS = "artifact.ArtifactStore"
PROOF = b"a proof, as far as this server can tell"
VERSIONS = ("sp1-v5.0.0", "sp1-v6.0.0", "sp1-v6.1.0")

M = TypeVar("M", bound=Message)


@dataclass
class Refused(Exception):  # noqa: N818 - it is an answer
    """A call that ended with an error."""

    status: str
    text: str
    trailers: dict[str, str]


@dataclass
class Room:
    """A network half that answers on a port."""

    store: Store
    room: NetworkRoom
    clock: Clock
    channel: aio.Channel
    standalone: bool
    capabilities: list[Capability] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    async def call(
        self, method: str, request: bytes, *, token: str | None = None, service: str = NETWORK
    ) -> bytes:
        """Call a public method; keeps the reply's trailing metadata in `trailers`."""
        metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        call = self.channel.unary_unary(f"/{service}/{method}")(request, metadata=metadata)
        try:
            reply: bytes = await call
        except aio.AioRpcError as error:
            raise Refused(
                error.code().name, error.details() or "", _texts(error.trailing_metadata())
            ) from None
        self.trailers = _texts(await call.trailing_metadata())
        return reply

    async def ask(self, method: str, message: Message, kind: type[M]) -> M:
        return kind.FromString(await self.call(method, message.SerializeToString()))

    async def create_artifact(
        self,
        signer: Signer = ALICE,
        kind: int = artifact_pb2.STDIN,
        *,
        token: str | None = None,
    ) -> artifact_pb2.CreateArtifactResponse:
        ask = ask_for_artifact(signer, kind)
        reply = await self.call("CreateArtifact", ask, token=token, service=ARTIFACTS)
        return artifact_pb2.CreateArtifactResponse.FromString(reply)

    async def put(self, url: str, data: bytes) -> None:
        """Do what the upload listener does."""
        parts = urlsplit(url)
        (token,) = parse_qs(parts.query)["token"]
        kind, artifact_id = parts.path.split("/")[-2:]
        blob = await seal(self.store, kind, data)
        token_hash = hashlib.sha256(token.encode()).digest()
        await self.store.artifacts.uploaded(artifact_id, token_hash, blob)

    async def upload_stdin(self, signer: Signer = ALICE, data: bytes = STDIN) -> str:
        place = await self.create_artifact(signer)
        await self.put(place.artifact_presigned_url, data)
        return place.artifact_uri

    async def upload_program(
        self, program: ProgramFixture, signer: Signer = ALICE, *, token: str | None = None
    ) -> str:
        place = await self.create_artifact(signer, artifact_pb2.PROGRAM, token=token)
        await self.put(place.artifact_presigned_url, program.upload)
        return place.artifact_uri

    async def register(
        self, program: ProgramFixture | None = None, signer: Signer = ALICE
    ) -> ProgramFixture:
        program = program or real_program()
        uri = await self.upload_program(program, signer)
        await self.call("CreateProgram", sealed(signer, program_body(program, uri)))
        return program

    async def request(self, body: bytes, signer: Signer = ALICE) -> types_pb2.RequestProofResponse:
        reply = await self.call("RequestProof", sealed(signer, body))
        return types_pb2.RequestProofResponse.FromString(reply)

    async def status(self, request_id: bytes) -> types_pb2.GetProofRequestStatusResponse:
        return await self.ask(
            "GetProofRequestStatus",
            types_pb2.GetProofRequestStatusRequest(request_id=request_id),
            types_pb2.GetProofRequestStatusResponse,
        )

    async def lease(self, *, mock: bool = False) -> Leased:
        able = [Capability(version, frozenset({1, 2, 3, 4}), mock) for version in VERSIONS]
        leased = await self.store.requests.lease("worker", able, 30)
        assert leased is not None
        return leased

    async def prove(self, proof: bytes = PROOF, *, mock: bool = False) -> RequestRecord:
        """Do what a worker does."""
        leased = await self.lease(mock=mock)
        blob = await seal(self.store, "proof", proof)
        result = Result(ExecutionFacts(1000, 2000, b"\x99" * 32), blob, mock)
        return await self.store.requests.finish(
            leased.lease_id, leased.token, result, settle=self.standalone
        )

    async def give_up(self, failure: Failure) -> RequestRecord:
        """Do what a worker does when the guest cannot be proved."""
        leased = await self.lease()
        return await self.store.requests.fail_lease(leased.lease_id, leased.token, failure)

    async def failed_request(self) -> bytes:
        """Have a request whose guest cannot be executed; returns its id."""
        await self.register()
        reply = await self.request(proof_body(await self.upload_stdin()))
        text = "The guest exited with code 3."
        await self.give_up(Failure(types_pb2.EXECUTION_FAILURE, 1, text))
        return reply.body.request_id

    async def nonce(self, signer: Signer = ALICE) -> int:
        ask = types_pb2.GetNonceRequest(address=signer.address)
        return (await self.ask("GetNonce", ask, types_pb2.GetNonceResponse)).nonce

    async def until(self, true: Callable[[RequestRecord], bool]) -> RequestRecord:
        """Wait until some request is as wanted."""
        found: asyncio.Future[RequestRecord] = asyncio.get_running_loop().create_future()

        def look(record: RequestRecord) -> None:
            if true(record) and not found.done():
                found.set_result(record)

        unsubscribe = self.store.subscribe(look)
        try:
            for record in await self.store.requests.open_records():
                look(record)
            async with asyncio.timeout(20):
                return await found
        finally:
            unsubscribe()


async def seal(store: Store, kind: str, data: bytes) -> SealedBlob:
    writer = await store.vault.writer(kind)
    await writer.write(data)
    return await writer.finish()


@asynccontextmanager
async def a_store(
    directory: Path, clock: Clock, *, limits: StoreLimits | None = None
) -> AsyncIterator[Store]:
    store = await open_store(
        data_dir=directory, master_key=MasterKey(b"\x01" * 32), clock=clock, limits=limits
    )
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def a_room(
    directory: Path,
    *,
    clock: Clock | None = None,
    server: str = "h2corn",
    run: bool = False,
    **settings: Any,
) -> AsyncIterator[Room]:
    """Serve a network half; with `run` its background work goes on, too."""
    clock = clock or Clock(NOW)
    known: list[Capability] = []
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(a_store(directory, clock))
        room = build_network(
            ServeSettings(data_dir=directory, **settings),
            store,
            public_url=PUBLIC_URL,
            capabilities=lambda: known,
            clock=clock,
        )
        stack.push_async_callback(room.aclose)
        if run:
            await stack.enter_async_context(_running(room))

        def register(target: Any) -> None:
            room.prover.add_to(target)
            room.artifacts.add_to(target)

        target = await stack.enter_async_context(SERVERS[server](register))
        channel = await stack.enter_async_context(aio.insecure_channel(target))
        standalone = settings.get("network", "standalone") == "standalone"
        yield Room(store, room, clock, channel, standalone, known)


@asynccontextmanager
async def _running(room: NetworkRoom) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(runner.run()) for runner in room.runners]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome


def _texts(metadata: Any) -> dict[str, str]:
    return {key: value for key, value in metadata or () if isinstance(value, str)}
