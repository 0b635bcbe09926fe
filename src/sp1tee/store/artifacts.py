"""Places to upload programs and inputs to."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Final, Protocol, final

from sqlalchemy import Connection, bindparam, literal_column, select, update
from typing_extensions import override

from sp1tee.errors import StateConflict, UploadRefused
from sp1tee.store.erasing import keep_blob
from sp1tee.store.lookup import ARTIFACT_BY_ID, ARTIFACT_BY_URI, one_artifact
from sp1tee.store.reader import Reader
from sp1tee.store.records import Artifact, ArtifactKind, SealedBlob
from sp1tee.store.rows import ARTIFACT_COLUMNS, artifact_record
from sp1tee.store.schema import artifacts, upsert
from sp1tee.store.sealed_vault import removed_if_refused
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Tx, Writer
from sp1tee.wire.ids import new_id


class Artifacts(Protocol):
    """Upload places. Each has a one-shot upload token, of which only the sha256 is kept."""

    async def create(
        self,
        kind: ArtifactKind,
        requester: bytes,
        *,
        uri: str,
        token_hash: bytes,
        expires_at: float,
        artifact_id: str | None = None,
    ) -> Artifact:
        """Open a place where an upload may begin until `expires_at`; `uri` names it in requests.

        Raises:
            StateConflict: the id or the uri is taken.
        """

    async def get(self, artifact_id: str) -> Artifact | None:
        """Find by id."""

    async def by_uri(self, uri: str) -> Artifact | None:
        """Find by the exact uri."""

    async def check_token(self, artifact_id: str, token_hash: bytes) -> Artifact:
        """Check, before a body is read, that it may be uploaded here.

        Raises:
            UploadRefused: unknown place, wrong token, expired or uploaded already: not said which.
        """

    async def uploaded(self, artifact_id: str, token_hash: bytes, sealed: SealedBlob) -> Artifact:
        """Take an upload and burn the token; a refused blob's file is removed.

        An upload that began before the place expired may end a while after.

        Raises:
            UploadRefused: unknown place, wrong token, closed or uploaded already: not said which.
        """


@final
class SqlArtifacts(Artifacts):
    """`Artifacts` in a database."""

    def __init__(
        self, writer: Writer, reader: Reader, vault: Vault, clock: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._vault = vault
        self._clock = clock

    @override
    async def create(
        self,
        kind: ArtifactKind,
        requester: bytes,
        *,
        uri: str,
        token_hash: bytes,
        expires_at: float,
        artifact_id: str | None = None,
    ) -> Artifact:
        place = Artifact(
            id=artifact_id or new_id("artifact"),
            kind=kind,
            requester=requester,
            uri=uri,
            state="created",
            created_at=int(self._clock()),
            expires_at=expires_at,
        )
        await self._writer.run(create, place, token_hash)
        return place

    @override
    async def get(self, artifact_id: str) -> Artifact | None:
        return await self._reader.now(one_artifact, ARTIFACT_BY_ID, artifact_id)

    @override
    async def by_uri(self, uri: str) -> Artifact | None:
        return await self._reader.now(one_artifact, ARTIFACT_BY_URI, uri)

    @override
    async def check_token(self, artifact_id: str, token_hash: bytes) -> Artifact:
        return await self._reader.now(check_token, artifact_id, token_hash, self._clock())

    @override
    async def uploaded(self, artifact_id: str, token_hash: bytes, sealed: SealedBlob) -> Artifact:
        async with removed_if_refused(self._vault, sealed):
            return await self._writer.run(uploaded, artifact_id, token_hash, sealed)


def create(tx: Tx, place: Artifact, token_hash: bytes) -> None:
    """See `Artifacts.create`."""
    values = {**asdict(place), "token_hash": token_hash}
    if tx.connection.execute(_CREATE, values).one_or_none() is None:
        raise StateConflict("There is an upload place with this id or uri already.")


def check_token(
    connection: Connection, artifact_id: str, token_hash: bytes, now: float
) -> Artifact:
    """See `Artifacts.check_token`."""
    values = {"place": artifact_id, "hash": token_hash, "now": now}
    row = connection.execute(_OPEN_PLACE, values).one_or_none()
    if row is None:
        raise _refused()
    return artifact_record(row)


def uploaded(tx: Tx, artifact_id: str, token_hash: bytes, sealed: SealedBlob) -> Artifact:
    """See `Artifacts.uploaded`."""
    values = {
        "place": artifact_id,
        "hash": token_hash,
        "new_blob": sealed.id,
        "new_size": sealed.size,
        "new_sha256": sealed.sha256,
        "unused_until": tx.now + tx.limits.unused_upload_s,
    }
    row = tx.connection.execute(_UPLOADED, values).one_or_none()
    if row is None:
        raise _refused()
    keep_blob(tx, sealed)
    return artifact_record(row)


def _refused() -> UploadRefused:
    return UploadRefused("Nothing may be uploaded here: unknown, used or expired.")


_CREATE: Final = upsert(artifacts).on_conflict_do_nothing().returning(artifacts.c.id)
_IS_OPEN: Final = (
    artifacts.c.id == bindparam("place"),
    artifacts.c.token_hash == bindparam("hash"),
    artifacts.c.state == literal_column("'created'"),
)
_OPEN_PLACE: Final = select(*ARTIFACT_COLUMNS).where(
    *_IS_OPEN, artifacts.c.expires_at > bindparam("now")
)
_UPLOADED: Final = (
    update(artifacts)
    .where(*_IS_OPEN)
    .values(
        state="uploaded",
        token_hash=None,
        blob=bindparam("new_blob"),
        size=bindparam("new_size"),
        sha256=bindparam("new_sha256"),
        expires_at=bindparam("unused_until"),
    )
    .returning(*ARTIFACT_COLUMNS)
)
