"""The seam to whatever makes proofs, one module an implementation.

A prover works on one proof at a time: the loop owns one per device. What it is given was executed
before, so a guest that fails never reaches it, and what it returns is checked before it counts.
"""

from dataclasses import dataclass, field
from typing import Protocol

from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import CircuitVersion


@dataclass(frozen=True, slots=True)
class Capability:
    """What a prover can make.

    Attributes:
        version: a circuit version as requests carry it, e.g. ``sp1-v6.1.0``.
        modes: the kinds of proof it makes for that version.
        mock: whether they are mock proofs: right public values, no cryptography.
    """

    version: str
    modes: frozenset[Mode]
    mock: bool = False


@dataclass(frozen=True, slots=True)
class ProveTask:
    """One proof to make. What is private, or large, shows in no repr.

    Attributes:
        elf: the program.
        stdin: its input.
        version: the circuit version the proof must carry.
        mode: the kind of proof.
        vk_hash: the program, as the network names it, 32 bytes.
        vk: the verifying key as it was registered; may be empty.
        public_values: what running the program on the input revealed.
    """

    elf: bytes = field(repr=False)
    stdin: Stdin = field(repr=False)
    version: CircuitVersion
    mode: Mode
    vk_hash: bytes = field(repr=False)
    vk: bytes = field(repr=False)
    public_values: bytes = field(repr=False)


class Prover(Protocol):
    """Makes proofs, one at a time."""

    @property
    def name(self) -> str:
        """What people call it: its kind, and its device if it has one."""

    @property
    def mock(self) -> bool:
        """Whether its proofs prove nothing; said wherever they are told of."""

    def capabilities(self) -> tuple[Capability, ...]:
        """Tell what it can make; the server leases nothing else to this worker."""

    async def check(self) -> None:
        """Find out whether it could make a proof now; may be asked while it makes one.

        Raises:
            ProverUnavailable: it could not.
        """

    async def prove(self, task: ProveTask, deadline: float) -> bytes:
        """Make a proof; cancelling stops the work itself, not only the waiting.

        Args:
            task: what to prove.
            deadline: Unix seconds after which nobody wants it any more.

        Returns:
            ``ProofFromNetwork`` bytes.

        Raises:
            ProverFailed: it ended without a proof.
            ProverUnavailable: it could not begin, whatever the task.
            UnsupportedMock: `capabilities` does not offer this.
        """

    async def aclose(self) -> None:
        """Let go of the device and of every process started."""
