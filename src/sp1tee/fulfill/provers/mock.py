"""The prover for trying things out: what it makes carries the real public values and no proof."""

from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import SUPPORTED

_MODES = frozenset({Mode.CORE, Mode.PLONK, Mode.GROTH16})


class MockProver:
    """Makes what SP1's own mock prover makes, for every known version.

    Compressed is not offered: only SP1 can make the shape of such a proof.
    """

    name = "mock"
    mock = True

    def capabilities(self) -> tuple[Capability, ...]:
        """All versions, every mode but Compressed."""
        return tuple(Capability(version.text, _MODES, mock=True) for version in SUPPORTED)

    async def check(self) -> None:
        """It needs nothing, so it can always."""

    async def prove(self, task: ProveTask, deadline: float) -> Made:  # noqa: ARG002 - it is instant
        """Wrap the public values into a mock proof; raises `UnsupportedMock` for Compressed."""
        proof = mock_proof(
            task.mode,
            task.version.family,
            task.vk_hash,
            task.public_values,
            version=task.version,
        )
        return Made(proof.encode_network())

    async def verify(self, task: ProveTask, made: Made) -> None:
        """There is nothing that a verifier could judge."""

    async def aclose(self) -> None:
        """It holds nothing."""
