"""A store to try things on: a clock that stands still, uploads and requests on demand."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sp1tee.store.master_key import MasterKey
from sp1tee.store.records import (
    Artifact,
    ArtifactKind,
    Capability,
    ExecutionFacts,
    Failure,
    Leased,
    NewProgram,
    NewRequest,
    Program,
    RequestRecord,
    Result,
    SealedBlob,
    StoreLimits,
)
from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.store import Store, open_store
from support.postgres import Postgres

KEY = MasterKey(bytes(range(32)))
ALICE, BOB = b"alice".ljust(20), b"bob".ljust(20)
VK_HASH = b"vk".ljust(32)
V5, V6 = "sp1-v5.0.0", "sp1-v6.1.0"
GROTH16 = 4
EVERYTHING = [Capability(version, frozenset({1, 2, 3, 4}), mock=True) for version in (V5, V6)]
EXECUTION = ExecutionFacts(cycles=2**63 + 5, gas=7, public_values_hash=b"h" * 32)
FAILURE = Failure(1, 5, "The guest ran out of cycles.", EXECUTION)
TTL = 30.0


@dataclass
class Clock:
    """Unix seconds that pass on command only."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Room:
    """A store, its clock, and short ways to what most tests need."""

    store: Store
    clock: Clock
    heard: list[RequestRecord] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    data_dir: Path = Path()

    async def seal(self, content: bytes, kind: str = "stdin") -> SealedBlob:
        writer = await self.store.vault.writer(kind)
        await writer.write(content)
        return await writer.finish()

    async def read(self, blob_id: str, offset: int = 0, length: int | None = None) -> bytes:
        return b"".join([piece async for piece in self.store.vault.read(blob_id, offset, length)])

    async def place(
        self, kind: ArtifactKind = "stdin", requester: bytes = ALICE, ttl_s: float = 3600
    ) -> Artifact:
        """An upload place; its token's hash is `token_hash` of its uri."""
        uri = f"https://tee.example/artifacts/{kind}/{next(self.numbers)}"
        return await self.store.artifacts.create(
            kind,
            requester,
            uri=uri,
            token_hash=token_hash(uri),
            expires_at=self.clock() + ttl_s,
        )

    async def upload(
        self,
        content: bytes = b"an input",
        kind: ArtifactKind = "stdin",
        requester: bytes = ALICE,
    ) -> Artifact:
        place = await self.place(kind, requester)
        sealed = await self.seal(content, kind)
        return await self.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)

    async def program(
        self,
        vk_hash: bytes = VK_HASH,
        owner: bytes = ALICE,
        *,
        elf: bytes = b"\x7fELF",
        upload: str | None = None,
        **facts: Any,
    ) -> Program:
        new = a_program(vk_hash, owner=owner, **facts)
        return await self.store.programs.register(
            new, await self.seal(elf, "program"), upload=upload
        )

    async def new(self, **facts: Any) -> NewRequest:
        """A request nobody made before, with an input of its own."""
        if "stdin_artifact" not in facts:
            upload = await self.upload(requester=facts.get("requester", ALICE))
            facts["stdin_artifact"] = upload.id
        return self.for_input(**facts)

    def for_input(self, **facts: Any) -> NewRequest:
        number = next(self.numbers)
        defaults: dict[str, Any] = {
            "fingerprint": number.to_bytes(32),
            "requester": ALICE,
            "dialect": "base",
            "signature": b"s" * 65,
            "body": b"the signed slice",
            "vk_hash": VK_HASH,
            "program_owner": ALICE,
            "version": V6,
            "mode": GROTH16,
            "strategy": 2,
            "deadline": int(self.clock()) + 3600,
            "cycle_limit": 2**64 - 1,
            "gas_limit": 0,
            "nonce": 0,
        }
        return NewRequest(**(defaults | facts))

    async def accepted(self, **facts: Any) -> RequestRecord:
        record, _ = await self.store.requests.accept(await self.new(**facts), queue=False)
        return record

    async def queued(self, **facts: Any) -> RequestRecord:
        if await self.store.programs.get(VK_HASH, ALICE) is None:
            await self.program()
        record, _ = await self.store.requests.accept(await self.new(**facts), queue=True)
        return record

    async def bound(self, **facts: Any) -> RequestRecord:
        """A queued request that the network knows."""
        record = await self.queued(**facts)
        request_id = sha256(record.key.encode()).digest()
        return await self.store.requests.bind(record.key, request_id, b"t" * 32)

    async def lease(self, worker: str = "gpu-1") -> Leased:
        leased = await self.store.requests.lease(worker, EVERYTHING, TTL)
        assert leased is not None
        return leased

    async def leased(self, **facts: Any) -> Leased:
        await self.bound(**facts)
        return await self.lease()

    async def result(self, content: bytes = b"a proof", *, mock: bool = False) -> Result:
        return Result(EXECUTION, await self.seal(content, "proof"), mock)

    async def finish(self, leased: Leased, *, settle: bool = False) -> RequestRecord:
        result = await self.result()
        return await self.store.requests.finish(
            leased.lease_id, leased.token, result, settle=settle
        )

    async def proved(self, **facts: Any) -> RequestRecord:
        return await self.finish(await self.leased(**facts))

    async def settled(self, **facts: Any) -> RequestRecord:
        return await self.finish(await self.leased(**facts), settle=True)

    async def again(self, record: RequestRecord) -> RequestRecord:
        """The request as it is now."""
        found = await self.store.requests.by_key(record.key)
        assert found is not None
        return found


def a_program(vk_hash: bytes = VK_HASH, **facts: Any) -> NewProgram:
    defaults: dict[str, Any] = {
        "vk_hash": vk_hash,
        "vk": b"a verifying key",
        "uri": f"https://tee.example/artifacts/program/{vk_hash.hex()}",
        "owner": ALICE,
        "created_at": 1_800_000_000,
    }
    return NewProgram(**(defaults | facts))


def token_hash(uri: str) -> bytes:
    return sha256(b"token of " + uri.encode()).digest()


class Databases:
    """Where stores are opened: SQLite's files, or databases of a PostgreSQL.

    Each data directory has a database of its own, which is there again when it is opened again.
    """

    def __init__(self, server: Postgres | None = None, template: str = "") -> None:
        self._server = server
        self._template = template
        self._names: dict[Path, str] = {}

    def name(self, data_dir: Path) -> str:
        """PostgreSQL's name for the database of a directory."""
        assert self._server is not None
        if data_dir not in self._names:
            self._names[data_dir] = self._server.create(self._template)
        return self._names[data_dir]

    def url(self, data_dir: Path) -> str | None:
        if self._server is None:
            # A child process is told by whoever started it.
            return os.environ.get(DATABASE_URL)
        return self._server.url(self.name(data_dir))

    def written(self, data_dir: Path) -> bytes:
        """All that is on disk of the database of a directory."""
        if self._server is not None:
            return self._server.written(self.name(data_dir))
        return b"".join(path.read_bytes() for path in data_dir.glob("store.db*"))

    def drop(self) -> None:
        for name in self._names.values():
            assert self._server is not None
            self._server.drop(name)


DATABASE_URL = "TEST_DATABASE_URL"
_databases = [Databases()]


@contextmanager
def using(databases: Databases) -> Iterator[None]:
    """Open stores there for as long as the block runs."""
    _databases.append(databases)
    try:
        yield
    finally:
        _databases.pop()
        databases.drop()


def database_url(data_dir: Path) -> str | None:
    """Where the store of a directory has its database; None for SQLite's default."""
    return _databases[-1].url(data_dir)


def database_name(data_dir: Path) -> str:
    """What PostgreSQL calls the database of a directory."""
    return _databases[-1].name(data_dir)


def written(room: Room) -> bytes:
    """All that is on disk of a store's database."""
    return _databases[-1].written(room.data_dir)


@asynccontextmanager
async def opened(
    data_dir: Path,
    clock: Clock | None = None,
    limits: StoreLimits | None = None,
    *,
    bucket: Bucket | None = None,
) -> AsyncIterator[Room]:
    """Open a store for as long as the block runs."""
    clock = clock or Clock()
    store = await open_store(
        data_dir=data_dir,
        master_key=KEY,
        database_url=database_url(data_dir),
        clock=clock,
        limits=limits,
        bucket=bucket,
    )
    room = Room(store, clock, data_dir=data_dir)
    store.subscribe(room.heard.append)
    try:
        yield room
    finally:
        await store.aclose()
