"""The store that an sp1-cluster and whoever asks it share: programs, inputs, proofs.

Everything in it is one zstd frame around bincode, under a name of the requester's choice.
"""

from enum import Enum
from typing import Final, Protocol

from sp1tee.errors import ArtifactError, FulfillError, ProverFailed, ServerAway
from sp1tee.wire.artifacts import pack, unpack
from sp1tee.wire.ids import new_id
from sp1tee.wire.versions import Family

PART_BYTES: Final = 32 << 20
"""What is larger is stored in parts of this size, in Redis and in buckets alike."""

MAX_PROOF_BYTES: Final = 1 << 30

_PROBE_SECONDS: Final = 60


class Kind(Enum):
    """What an artifact is; the value is the folder it lies in within a bucket."""

    PROGRAM = "programs"
    STDIN = "private-stdins"
    PROOF = "proofs"


class Artifacts(Protocol):
    """A store of artifacts. Each call is one attempt.

    Every call raises `ServerAway` where another attempt may help, `ProverUnavailable` where the
    store wants nothing of this worker, and `ProverFailed` where it does not want this.
    """

    @property
    def name(self) -> str:
        """What people call it."""

    async def put(self, kind: Kind, name: str, packed: bytes, seconds: int | None) -> None:
        """Store an artifact, for so many seconds if the store can forget; None: for good."""

    async def get(self, kind: Kind, name: str, limit: int) -> bytes | None:
        """Return an artifact; None if it is not there.

        Raises:
            ProverFailed: it has more than `limit` bytes.
        """

    async def holds(self, kind: Kind, name: str) -> bool:
        """Tell whether an artifact is there, whole."""

    async def delete(self, kind: Kind, name: str) -> None:
        """Remove an artifact; one that is not there is as good."""

    async def health(self) -> tuple[bool, str, str]:
        """Say whether the store is set up for this, what was found, and what to do if not."""

    async def aclose(self) -> None:
        """Close the connections."""


def new_name() -> str:
    """Make a name for an artifact, like those that SP1 makes."""
    return new_id("artifact")


def packed(data: bytes) -> bytes:
    """Pack an artifact for the store."""
    return pack(data, Family.V6)


def unpacked_proof(data: bytes) -> bytes:
    """Unpack a proof; raises `ProverFailed` where it is broken, or larger than any proof."""
    try:
        return unpack(data, MAX_PROOF_BYTES)
    except ArtifactError as error:
        raise ProverFailed(f"The cluster's proof cannot be read. {error.message}") from None


async def probe(store: Artifacts) -> None:
    """Write, read and remove something; raises what `Artifacts` raises."""
    name, content = new_name(), new_name().encode()
    await store.put(Kind.STDIN, name, content, _PROBE_SECONDS)
    try:
        found = await store.get(Kind.STDIN, name, len(content))
    finally:
        await store.delete(Kind.STDIN, name)
    if found != content:
        raise ServerAway(
            f"{store.name} does not keep what is written to it.",
            advice="Look at its memory, its eviction policy and its replication.",
        )


def too_large(limit: int) -> FulfillError:
    """Say that an artifact is refused for its size."""
    return ProverFailed(f"The cluster put more than {limit} bytes into its store as one artifact.")
