"""What makes the proofs of a demo: a mock prover, or SP1's own on this machine's processors."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError, NativeGone
from sp1tee.native.judge import Judge
from sp1tee.native.programs import NativeProgram, find_verifier
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family


@dataclass(frozen=True, slots=True)
class Cost:
    """About what a proof of a small program takes on two cores.

    Attributes:
        memory: bytes, at most at a time.
        minutes: the prover's start included, which takes about one.
    """

    memory: int
    minutes: int


COSTS: Final[Mapping[Mode, Cost]] = {
    Mode.CORE: Cost(9_000_000_000, 2),
    Mode.COMPRESSED: Cost(15_000_000_000, 6),
}
"""Measured with SP1 6.10.0 on a machine of 24 GiB; from 64 GiB on, its prover takes more."""


@dataclass(frozen=True, slots=True)
class Backing:
    """A prover, and how a service runs with it.

    Attributes:
        name: what it is called.
        modes: the kinds of proof that it makes; the first is made unless another is asked for.
        families: the generations of SP1 whose programs it proves.
        serve: flags for the server.
        fulfill: flags for the fulfiller.
        environment: variables for both.
        native: SP1's program that proves, and verifies; None for mocks, which nobody can verify.
    """

    name: str
    modes: tuple[Mode, ...]
    families: frozenset[Family]
    serve: tuple[str, ...]
    fulfill: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    native: NativeProgram | None = None

    def choose(self, mode: str | None) -> Mode:
        """Read the name of a kind of proof; raises `ConfigError` if it is not made here."""
        if mode is None:
            return self.modes[0]
        chosen = Mode.parse(mode)
        if chosen not in self.modes:
            *others, last = map(str, self.modes)
            raise ConfigError(
                f"{self.name} makes no {chosen} proofs.",
                advice=f"Take {', '.join(others)} or {last}.",
            )
        return chosen

    def accept(self, family: Family) -> None:
        """Take programs of this generation of SP1; raises `ConfigError` if they are not proved."""
        if family not in self.families:
            raise ConfigError(f"{self.name} proves no programs of SP1 {family}.")

    def judge(self) -> AbstractContextManager[Judge | None]:
        """Open SP1's own verifier, in a process of its own; None for mocks."""
        return nullcontext() if self.native is None else Judge(self.native)


MOCK: Final = Backing(
    name="The mock prover",
    modes=(Mode.GROTH16, Mode.CORE, Mode.PLONK),
    families=frozenset(Family),
    serve=("--allow-mock",),
    fulfill=("--prover", "mock"),
)


def cpu(named: Path | None) -> Backing:
    """Have proofs made by ``sp1tee-prover``: `named`, or found by SP1TEE_PROVER or on PATH.

    Raises:
        ConfigError: it is not there, or is something else.
    """
    try:
        program = find_verifier() if named is None else NativeProgram.at(named)
    except NativeGone as error:
        raise ConfigError(error.message, advice=error.advice) from None
    if program is None:
        raise ConfigError(
            "SP1's CPU prover is not here: sp1tee-prover is neither in SP1TEE_PROVER nor on PATH.",
            advice="`just native` in a clone of this repository builds it (with cargo, half an "
            "hour the first time) and prints where it is.",
        )
    if program.gpu:
        raise ConfigError(
            f"{program.path} is SP1's GPU server.",
            advice="Name sp1tee-prover, which proves on the CPU.",
        )
    return Backing(
        name="SP1's CPU prover",
        modes=tuple(COSTS),
        families=frozenset({Family.V6}),
        # Where there is one worker, nobody else could do better.
        serve=("--max-attempts", "1"),
        fulfill=("--prover", "sp1", "--executor", "native"),
        environment={"SP1TEE_PROVER": str(program.path)},
        native=program,
    )
