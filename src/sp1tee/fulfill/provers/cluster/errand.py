"""One request to a cluster: what it is called, and where its artifacts lie."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from sp1tee.fulfill.provers.cluster.artifacts import new_name
from sp1tee.wire.ids import new_id
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import cluster_pb2 as pb

# Limits were kept when the program was run here.
_UNLIMITED: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Errand:
    """One request.

    Attributes:
        proof_id: its name in the API's database.
        stdin: its input's name in the store.
        proof: its proof's name there.
    """

    proof_id: str
    stdin: str
    proof: str

    @classmethod
    def new(cls) -> Self:
        """Give names to a request that nobody knows yet."""
        return cls(new_id("req"), new_name(), new_name())

    @classmethod
    def of(cls, row: pb.ProofRequest) -> Self:
        """Return the names that a row of the API's database tells."""
        return cls(row.id, row.stdin_artifact_id, row.proof_artifact_id)

    def row(
        self, program: str, mode: Mode, deadline: float, scheduled_by: str
    ) -> pb.ProofRequestCreateRequest:
        """Write the request."""
        return pb.ProofRequestCreateRequest(
            proof_id=self.proof_id,
            program_artifact_id=program,
            stdin_artifact_id=self.stdin,
            # No artifact: the coordinator reads the mode's number here.
            options_artifact_id=str(mode.value),
            proof_artifact_id=self.proof,
            deadline=int(deadline),
            cycle_limit=_UNLIMITED,
            gas_limit=_UNLIMITED,
            scheduled_by=scheduled_by,
            stdin_private=True,
        )


def program_name(elf: bytes) -> str:
    """Name a program in the store by its bytes: workers keep what they set up under this name."""
    return f"program_{sha256(elf).hexdigest()}"
