"""How a run ended, as a number and a detail that cross the pipe, and as a sentence for people.

The process that runs a guest is in the guest's hands once it has run, so it never sends text: it
names a `Reason` and one number, and the sentence is made on this side.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NoReturn

from sp1tee.fulfill.executors import Cause
from sp1tee.fulfill.executors.syscall_numbers import precompile_name

MAX_PUBLIC_VALUES: Final = 16 << 20


class Reason(IntEnum):
    """Why a run is not one that SP1 would prove."""

    EXIT_CODE = 1
    UNALIGNED = 2
    FORBIDDEN_ADDRESS = 3
    CODE_WRITTEN = 4
    LEFT_CODE = 5
    LEFT_CODE_UNCONSTRAINED = 6
    UNKNOWN_SYSCALL = 7
    PRECOMPILE = 8
    RECURSION = 9
    HOOK = 10
    BREAKPOINT = 11
    CYCLES = 12
    UNCONSTRAINED_SYSCALL = 13
    UNCONSTRAINED_TWICE = 14
    NOT_UNCONSTRAINED = 15
    HINT_EXHAUSTED = 16
    HINT_LENGTH = 17
    HINT_ALIGNMENT = 18
    HINT_TARGET = 19
    COMMIT_WORD = 20
    RESERVED_DESCRIPTOR = 21
    TEXT_OUTPUT = 22
    PRECOMPILE_ARGUMENT = 23
    UNIMPLEMENTED = 24
    MEMORY = 25
    PUBLIC_VALUES = 26
    NEVER_COMMITTED = 27
    WRONG_DIGEST = 28
    DEFERRED_PROOFS = 29
    TIME = 30


_MEANINGS: Final[dict[Reason, tuple[Cause, str]]] = {
    Reason.EXIT_CODE: (
        Cause.HALT_WITH_NON_ZERO_EXIT_CODE,
        (
            "The program ended with exit code {}; SP1 proves only programs that end with 0, "
            "and its runtime ends with 1 after a panic."
        ),
    ),
    Reason.UNALIGNED: (
        Cause.INVALID_MEMORY_ACCESS,
        "The program accessed {} bytes at an address that is not a multiple of {}.",
    ),
    Reason.FORBIDDEN_ADDRESS: (
        Cause.INVALID_MEMORY_ACCESS,
        "The program accessed address {:#x}, which lies outside a guest's memory.",
    ),
    Reason.CODE_WRITTEN: (
        Cause.INVALID_MEMORY_ACCESS,
        "The program wrote to its own code at address {:#x}.",
    ),
    Reason.LEFT_CODE: (
        Cause.INVALID_MEMORY_ACCESS,
        "The program jumped to address {:#x}, where it has no instruction.",
    ),
    Reason.LEFT_CODE_UNCONSTRAINED: (
        Cause.END_IN_UNCONSTRAINED,
        "The program left its code, towards address {:#x}, inside an unconstrained block.",
    ),
    Reason.UNKNOWN_SYSCALL: (
        Cause.UNSUPPORTED_SYSCALL,
        "The program made system call {:#010x}, which SP1 does not have.",
    ),
    Reason.PRECOMPILE: (
        Cause.UNSUPPORTED_SYSCALL,
        (
            "The program uses the precompile {name} ({:#010x}), which this executor does not have; "
            "SP1's own executor has it."
        ),
    ),
    Reason.RECURSION: (
        Cause.UNSUPPORTED_SYSCALL,
        "The program verifies other SP1 proofs (VERIFY_SP1_PROOF), which this executor cannot do.",
    ),
    Reason.HOOK: (
        Cause.UNSUPPORTED_SYSCALL,
        (
            "The program asks the hook at file descriptor {} for a hint, which this executor "
            "does not have; SP1's own executor has it."
        ),
    ),
    Reason.BREAKPOINT: (Cause.BREAKPOINT, "The program ran into a breakpoint (ebreak)."),
    Reason.CYCLES: (
        Cause.EXCEEDED_CYCLE_LIMIT,
        "The program needs more than {} cycles, the limit of the request.",
    ),
    Reason.UNCONSTRAINED_SYSCALL: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program made system call {:#010x} inside an unconstrained block.",
    ),
    Reason.UNCONSTRAINED_TWICE: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program entered an unconstrained block inside another one.",
    ),
    Reason.NOT_UNCONSTRAINED: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program left an unconstrained block that it had not entered.",
    ),
    Reason.HINT_EXHAUSTED: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program read more input buffers than it was given.",
    ),
    Reason.HINT_LENGTH: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program asked for {} bytes of an input buffer that has another length.",
    ),
    Reason.HINT_ALIGNMENT: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program reads input to address {:#x}, which is not a multiple of SP1's word.",
    ),
    Reason.HINT_TARGET: (
        Cause.INVALID_SYSCALL_USAGE,
        (
            "The program reads input to address {:#x}, where memory is loaded or used already; "
            "SP1 takes input into fresh memory only."
        ),
    ),
    Reason.COMMIT_WORD: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program committed digest word {}, or a word that has more than 32 bits.",
    ),
    Reason.RESERVED_DESCRIPTOR: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program wrote to file descriptor {}, which SP1 v5 reserves.",
    ),
    Reason.TEXT_OUTPUT: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program printed bytes that are not UTF-8, or too many at once.",
    ),
    Reason.PRECOMPILE_ARGUMENT: (
        Cause.INVALID_SYSCALL_USAGE,
        "The program called the precompile {name} ({:#010x}) with arguments it does not take.",
    ),
    Reason.UNIMPLEMENTED: (
        Cause.UNIMPLEMENTED,
        "The program ran into an instruction that SP1 does not implement, at address {:#x}.",
    ),
    Reason.MEMORY: (
        Cause.UNSPECIFIED,
        "The program needs more memory than the {} bytes it may use.",
    ),
    Reason.PUBLIC_VALUES: (
        Cause.UNSPECIFIED,
        "The program wrote more than {} bytes of public values, the limit here.",
    ),
    Reason.NEVER_COMMITTED: (
        Cause.UNSPECIFIED,
        (
            "The program ended without committing all words of its digests (COMMIT and "
            "COMMIT_DEFERRED_PROOFS), so a proof of it could not be verified."
        ),
    ),
    Reason.WRONG_DIGEST: (
        Cause.UNSPECIFIED,
        (
            "The digest that the program committed is not the SHA-256 of its public values; "
            "programs that commit BLAKE3 need SP1's own executor."
        ),
    ),
    Reason.DEFERRED_PROOFS: (
        Cause.UNSPECIFIED,
        "The program committed to proofs that it verified, which this executor cannot do.",
    ),
    Reason.TIME: (
        Cause.UNSPECIFIED,
        "The program ran for longer than the {} seconds it may use here.",
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one run.

    Attributes:
        reason: None after a clean end.
        detail: the number that the reason's sentence has.
        exit_code: what the guest halted with, if it did.
        cycles: see `sp1tee.fulfill.executors.Execution`.
        public_values: what the guest had written when it ended.
        printed: what it had printed to standard error last, raw; at most `MAX_PRINTED` bytes.
    """

    reason: Reason | None
    detail: int
    exit_code: int | None
    cycles: int
    public_values: bytes = field(repr=False)
    printed: bytes = field(default=b"", repr=False)

    @property
    def cause(self) -> Cause | None:
        """The network's word for the reason."""
        return None if self.reason is None else _MEANINGS[self.reason][0]

    @property
    def text(self) -> str:
        """A sentence for the requester; empty after a clean end."""
        if self.reason is None:
            return ""
        _, text = _MEANINGS[self.reason]
        return text.format(self.detail, self.detail, name=precompile_name(self.detail))


class Trap(Exception):  # noqa: N818 - it ends a run, and is no error of ours
    """Ends a run from inside the machine; never leaves this package."""

    def __init__(self, reason: Reason, detail: int = 0) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def trap(reason: Reason, detail: int = 0) -> NoReturn:
    """End the run.

    Raises:
        Trap: always.
    """
    raise Trap(reason, detail)
