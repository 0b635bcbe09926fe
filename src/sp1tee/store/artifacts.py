"""Places to upload programs and inputs to: the interface."""

from typing import Protocol

from sp1tee.store.records import Artifact, ArtifactKind, SealedBlob


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
        """Open a place to upload to until `expires_at`; `uri` names it in requests.

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

        Raises:
            UploadRefused: unknown place, wrong token, expired or uploaded already: not said which.
        """
