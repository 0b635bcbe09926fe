"""The seam to whatever makes proofs, one module an implementation.

A prover works on one proof at a time: the loop owns one per device. What it is given was executed
before, so a guest that fails never reaches it. What it returns is checked and verified before it
counts, while it makes the next proof.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from sp1tee.fulfill.check import Check
from sp1tee.wire.modes import Mode
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
        elf_sha256: its SHA-256, 32 bytes.
        stdin: its input, an encoded ``SP1Stdin``.
        deferred_proofs: how many proofs that input holds, for the program to verify.
        version: the circuit version the proof must carry.
        mode: the kind of proof.
        vk_hash: the program, as the network names it, 32 bytes.
        vk: the verifying key as it was registered, one of v6 after its hash was compared; may be
            empty.
        public_values: what running the program on the input revealed.
    """

    elf: bytes = field(repr=False)
    elf_sha256: bytes = field(repr=False)
    stdin: bytes = field(repr=False)
    deferred_proofs: int
    version: CircuitVersion
    mode: Mode
    vk_hash: bytes = field(repr=False)
    vk: bytes = field(repr=False)
    public_values: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Made:
    """What a prover made; nobody has looked at it yet.

    Attributes:
        proof: ``ProofFromNetwork`` bytes.
        vk: the verifying key that it was made for; empty if the prover does not know it.
    """

    proof: bytes = field(repr=False)
    vk: bytes = field(default=b"", repr=False)


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

    async def prove(self, task: ProveTask, deadline: float) -> Made:
        """Make a proof; cancelling stops the work itself, not only the waiting.

        Args:
            task: what to prove.
            deadline: Unix seconds after which nobody wants it any more.

        Raises:
            ProverFailed: it ended without a proof.
            ProverUnavailable: it could not begin, whatever the task.
            UnsupportedMock: `capabilities` does not offer this.
        """

    async def verify(self, task: ProveTask, made: Made) -> None:
        """Let SP1's verifier judge what was made for a task, where there is one that can.

        The prover may make the next proof meanwhile. The proof's claims were checked before, so one
        that nobody here can verify passes, and that is logged.

        Raises:
            ProverFailed: it does not hold, or the verifier is there and broken.
        """

    async def aclose(self) -> None:
        """Let go of the device and of every process started."""


@runtime_checkable
class OwnsProcess(Protocol):
    """A prover that has a process of its own, which is started again when it ends."""

    @property
    def starts(self) -> int:
        """How often it was started."""


@runtime_checkable
class KeepsPrograms(Protocol):
    """A prover that sets programs up, and is quicker with those that it has set up."""

    @property
    def keys(self) -> frozenset[bytes]:
        """Hashes of the verifying keys of programs that it has set up now."""


@runtime_checkable
class Surveys(Protocol):
    """A prover with more around it than `Prover.check` can tell in a word."""

    async def survey(self) -> Sequence[Check]:
        """Look around; what is found wrong is no reason to stop."""
