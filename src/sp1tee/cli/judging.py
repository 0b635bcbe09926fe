"""SP1's own verifier, as a part of a command."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sp1tee.errors import ConfigError, NativeGone

if TYPE_CHECKING:
    from sp1tee.native.judge import Judge

ProverProgram = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="sp1tee-prover, which has SP1's verifier in it. "
        "\\[default: as SP1TEE_PROVER says, or on PATH]",
    ),
]


def find_judge(named: Path | None) -> "Judge | None":
    """Find SP1's verifier; None if it is not here. Nothing is started.

    Raises:
        ConfigError: what is named is something else.
    """
    from sp1tee.native.judge import Judge

    try:
        return Judge.find(named)
    except NativeGone as error:
        raise ConfigError(f"--prover-program: {error.message}", advice=error.advice) from None


def judging(named: Path | None) -> AbstractContextManager["Judge | None"]:
    """Find SP1's verifier, and end it afterwards if it was started; raises as `find_judge`."""
    return find_judge(named) or nullcontext()
