"""`sp1tee sim`: stand-ins, each imported when it is called."""

from typing import ClassVar, Final

import typer

from sp1tee.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "network": Entry("sp1tee.cli.sim.network", "Run a strict Prover Network that lives in memory."),
    "ingress": Entry("sp1tee.cli.sim.ingress", "Run a complete synthetic host to verify."),
    "dstack": Entry("sp1tee.cli.sim.dstack", "Run a dstack guest agent without a guest."),
}


class Commands(LazyGroup):
    """The commands of `sp1tee sim`."""

    entries: ClassVar[dict[str, Entry]] = COMMANDS


app = typer.Typer(cls=Commands, add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback()
def sim() -> None:
    """Stand-ins for what is not on this machine."""
