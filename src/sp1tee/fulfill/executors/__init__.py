"""Running a guest program to learn its public values, cycles and exit code, without a proof.

An executor is asked before every proof: a guest that fails costs a second here and hours of GPU
time later. It is also all that a mock proof knows.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

__all__ = ["MAX_PRINTED", "Cause", "Execution", "Executor", "Limits", "in_one_line"]

MAX_PRINTED: Final = 2048
"""How much of a guest's output is kept, in bytes, counted from its end; SP1 keeps as much."""


def in_one_line(text: str) -> str:
    """Make what a guest printed harmless: one line of printable characters."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())


class Cause(IntEnum):
    """Why an execution failed, in the network's numbers (``ExecuteFailureCause``)."""

    UNSPECIFIED = 0
    HALT_WITH_NON_ZERO_EXIT_CODE = 1
    INVALID_MEMORY_ACCESS = 2
    UNSUPPORTED_SYSCALL = 3
    BREAKPOINT = 4
    EXCEEDED_CYCLE_LIMIT = 5
    INVALID_SYSCALL_USAGE = 6
    UNIMPLEMENTED = 7
    END_IN_UNCONSTRAINED = 8
    EXCEEDED_GAS_LIMIT = 9


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one execution may use.

    Attributes:
        cycles: instructions, as SP1 counts them; None for no limit of the requester's.
        memory_bytes: guest memory.
        seconds: wall-clock time, from the moment a process takes the guest.
        gas: prover gas, for executors that can tell; None for no limit.
    """

    cycles: int | None
    memory_bytes: int
    seconds: float
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of running a guest. Neither its public values nor its words show in a repr.

    Attributes:
        public_values: what the guest wrote to file descriptor 13, in order.
        exit_code: what it halted with; None if it never halted.
        cycles: instructions executed, the number SP1 reports; up to the start of the basic block
            that failed if the guest did not get to its end, 0 if that is not known.
        gas: prover gas, from executors that can tell.
        cause: why SP1 would not prove this run; None after a clean end.
        text: one sentence for the requester where `cause` is set, else empty.
        printed: what the guest wrote to standard error last, one line of at most `MAX_PRINTED`
            bytes before it was made printable. It may quote the input.
    """

    public_values: bytes = field(repr=False)
    exit_code: int | None
    cycles: int
    gas: int | None
    cause: Cause | None
    text: str
    printed: str = field(default="", repr=False)


class Executor(Protocol):
    """Something that runs guests, and lets no guest reach anything of ours or of another's.

    Attributes:
        name: what logs and reports call it.
        verifies: the generations of SP1 whose programs may verify proofs here.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def verifies(self) -> frozenset[Family]:
        """See above."""

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        """Run `elf` on `stdin`, which may hold proofs only where `verifies` says so.

        `tenant` is an opaque label: nothing that has touched one tenant's guest is used for
        another's.

        Raises:
            ElfError: SP1 would not load the program.
            ExecutorCrashed: the process that ran the guest broke; what the guest did is unknown.
            ExecutorUnavailable: no such process can be started.
        """
        ...

    async def aclose(self) -> None:
        """End every process of this executor."""
        ...
