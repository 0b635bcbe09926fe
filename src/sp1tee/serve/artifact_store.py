"""The public ArtifactStore service: places to upload programs and inputs to."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sp1tee.errors import UnsupportedArtifact
from sp1tee.serve.accounts import Accounts
from sp1tee.serve.checks import decode
from sp1tee.serve.guard import guarded
from sp1tee.serve.network import Network
from sp1tee.serve.quota import Quota
from sp1tee.serve.rpc import Context, Server, register
from sp1tee.store.artifacts import Artifacts
from sp1tee.store.records import ArtifactKind
from sp1tee.wire.ids import new_id
from sp1tee.wire.pb import artifact_pb2

SERVICE = "artifact.ArtifactStore"

# An SDK that wants its input kept from other provers asks for PRIVATE_STDIN. Here every one is; but
# the network takes a request that says so only if the name of its input has this in it.
_PRIVATE_NAME = "private-stdins"
_KINDS: dict[int, ArtifactKind] = {
    artifact_pb2.PROGRAM: "program",
    artifact_pb2.STDIN: "stdin",
    artifact_pb2.PRIVATE_STDIN: "stdin",
}


@dataclass(frozen=True, slots=True)
class UploadRules:
    """Where uploads go.

    Attributes:
        public_url: the public listener's origin, without a slash at its end.
        ttl_s: how long a place is kept open.
    """

    public_url: str
    ttl_s: float


class ArtifactStoreServicer:
    """Hands out upload places: a name for requests, and a URL with a one-shot token for the PUT.

    Args:
        network: may want to take programs itself.
        accounts: who may call.
        quota: how much each may have open.
        artifacts: where places are kept; of a token, only the sha256.
        rules: where uploads go.
        clock: Unix seconds.
    """

    def __init__(
        self,
        network: Network,
        accounts: Accounts,
        quota: Quota,
        artifacts: Artifacts,
        *,
        rules: UploadRules,
        clock: Callable[[], float],
    ) -> None:
        self._network = network
        self._accounts = accounts
        self._quota = quota
        self._artifacts = artifacts
        self._rules = rules
        self._clock = clock

    def add_to(self, server: Server) -> None:
        """Register with a `GrpcBridge` or a `grpc.aio.Server`."""
        guard = guarded(self._accounts)
        register(server, SERVICE, {"CreateArtifact": guard(self.create_artifact)})

    async def create_artifact(self, request: bytes, context: Context) -> bytes:
        """Answer CreateArtifact."""
        del context
        message = decode(artifact_pb2.CreateArtifactRequest, request)
        requester = self._accounts.artifact_owner(message.signature)
        kind = _KINDS.get(message.artifact_type)
        if kind is None:
            raise UnsupportedArtifact("Artifacts of this type are not stored here.")
        if kind == "program":
            placed = await self._network.place_program(request)
            if placed is not None:
                return placed
        private = message.artifact_type == artifact_pb2.PRIVATE_STDIN
        return await self._place(kind, requester, _PRIVATE_NAME if private else f"artifacts/{kind}")

    async def _place(self, kind: ArtifactKind, requester: bytes, name: str) -> bytes:
        artifact_id = new_id("artifact")
        token = secrets.token_urlsafe(32)
        uri = f"{self._rules.public_url}/{name}/{artifact_id}"
        url = f"{self._rules.public_url}/artifacts/{kind}/{artifact_id}?token={token}"
        async with self._quota.upload(requester):
            await self._artifacts.create(
                kind,
                requester,
                uri=uri,
                token_hash=hashlib.sha256(token.encode()).digest(),
                expires_at=self._clock() + self._rules.ttl_s,
                artifact_id=artifact_id,
            )
        return artifact_pb2.CreateArtifactResponse(
            artifact_uri=uri, artifact_presigned_url=url
        ).SerializeToString()
