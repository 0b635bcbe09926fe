"""PUT /artifacts/{kind}/{id}?token=…: programs and inputs on their way into the vault."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from sp1tee.errors import IdError, UploadedAlready, UploadRefused, UploadReplaced
from sp1tee.serve.background import Background
from sp1tee.serve.http import Exchange
from sp1tee.serve.quota import ByteQuota
from sp1tee.serve.receiving import Patience, announced_size, receive_blob
from sp1tee.store.records import ArtifactKind, SealedBlob
from sp1tee.store.store import Store
from sp1tee.wire.ids import parse_id

PROGRAM_ROUTE: Final = "/artifacts/program/{id}"
STDIN_ROUTE: Final = "/artifacts/stdin/{id}"

_REMEMBERED: Final = 4096
_OK: Final = 200


@dataclass(eq=False, slots=True)
class _Upload:
    """An upload under way."""

    task: "asyncio.Task[object]"
    complete: bool = False
    replaced: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def replace(self) -> None:
        """Give it up, unless all of it is here already."""
        if not self.complete:
            self.replaced = True
            self.task.cancel()


class Uploads:
    """Takes uploads in.

    The token is burnt when the upload is durable, not before: a broken upload can be sent again to
    the same address. An upload that begins while another to the same place is under way replaces
    it, because that one most likely hangs on a connection that its client has given up.

    Args:
        store: where artifacts and their bytes go.
        limits: how many bytes each kind may have.
        patience: how slow they may be.
        quota: how many bytes each requester may have.
        count: told of every finished upload's kind and bytes.
        background: finishes what a client hangs up on.
    """

    def __init__(
        self,
        store: Store,
        limits: dict[ArtifactKind, int],
        patience: Patience,
        *,
        quota: ByteQuota,
        count: Callable[[ArtifactKind, int], None],
        background: Background,
    ) -> None:
        self._store = store
        self._limits = limits
        self._patience = patience
        self._quota = quota
        self._count = count
        self._background = background
        self._under_way: dict[str, _Upload] = {}
        self._done: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def put_program(self, exchange: Exchange) -> None:
        """Answer PUT of a program."""
        await self._put(exchange, "program")

    async def put_stdin(self, exchange: Exchange) -> None:
        """Answer PUT of an input."""
        await self._put(exchange, "stdin")

    async def _put(self, exchange: Exchange, kind: ArtifactKind) -> None:
        artifact_id, token_hash = self._ticket(exchange)
        artifact = await self._store.artifacts.check_token(artifact_id, token_hash)
        if artifact.kind != kind:
            raise _refused()
        upload, older = self._enter(artifact_id)
        try:
            if older is not None:
                older.replace()
                await older.over.wait()
                self._check_open(artifact_id, token_hash)
            size = announced_size(exchange, self._limits[kind])
            async with self._quota.reserve(artifact.requester, size):
                await self._take(exchange, kind, artifact_id, token_hash, upload)
        except asyncio.CancelledError:
            if not upload.replaced:
                raise
            upload.task.uncancel()
            raise UploadReplaced("A newer upload to the same place replaced this one.") from None
        finally:
            self._leave(artifact_id, upload)
        await exchange.answer(_OK)

    async def _take(
        self,
        exchange: Exchange,
        kind: ArtifactKind,
        artifact_id: str,
        token_hash: bytes,
        upload: _Upload,
    ) -> None:
        sealed = await receive_blob(
            exchange,
            self._store.vault,
            kind,
            limit=self._limits[kind],
            patience=self._patience,
            hashed=False,
        )
        upload.complete = True
        # A client that hangs up now has uploaded nevertheless.
        await self._background.outlast(self._commit(kind, artifact_id, token_hash, sealed))

    async def _commit(
        self, kind: ArtifactKind, artifact_id: str, token_hash: bytes, sealed: SealedBlob
    ) -> None:
        await self._store.artifacts.uploaded(artifact_id, token_hash, sealed)
        self._done[artifact_id, token_hash] = None
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        self._count(kind, sealed.size)

    def _ticket(self, exchange: Exchange) -> tuple[str, bytes]:
        """Return the place's id and the hash of the token that was shown.

        Raises:
            UploadRefused: one of them is not there, or is none.
            UploadedAlready: it was good for an upload that is done.
        """
        artifact_id, token = exchange.parameters["id"], exchange.query("token")
        try:
            parse_id(artifact_id, "artifact")
        except IdError:
            raise _refused() from None
        if not token:
            raise _refused()
        token_hash = sha256(token.encode()).digest()
        self._check_open(artifact_id, token_hash)
        return artifact_id, token_hash

    def _check_open(self, artifact_id: str, token_hash: bytes) -> None:
        if (artifact_id, token_hash) in self._done:
            raise UploadedAlready("This upload is done.")

    def _enter(self, artifact_id: str) -> tuple[_Upload, _Upload | None]:
        """Begin an upload; also return the one to the same place that it meets."""
        task = asyncio.current_task()
        assert task is not None
        upload = _Upload(task)
        older = self._under_way.get(artifact_id)
        self._under_way[artifact_id] = upload
        return upload, older

    def _leave(self, artifact_id: str, upload: _Upload) -> None:
        upload.over.set()
        if self._under_way.get(artifact_id) is upload:
            del self._under_way[artifact_id]


def _refused() -> UploadRefused:
    return UploadRefused("This upload address is not good, or not any more.")
