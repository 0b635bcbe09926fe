"""`sp1tee verify`: one command a question, and one for all of them."""

from typing import ClassVar, Final

import typer

from sp1tee.cli.lazy import Entry, LazyGroup

COMMANDS: Final = {
    "all": Entry("sp1tee.cli.verify.all", "Everything, on one bundle of evidence."),
    "cert": Entry("sp1tee.cli.verify.cert", "Is the served certificate the attested one?"),
    "quote": Entry("sp1tee.cli.verify.quote", "Does a genuine Intel TDX guest sign this data?"),
    "rtmr3": Entry("sp1tee.cli.verify.rtmr3", "Is the measured application the published one?"),
    "caa": Entry("sp1tee.cli.verify.caa", "Can anyone else get a certificate for the name?"),
    "digests": Entry("sp1tee.cli.verify.digests", "Is every image pinned, served and rebuilt?"),
    "proof": Entry("sp1tee.cli.verify.proof", "Does a proof prove this program and these values?"),
}


class Commands(LazyGroup):
    """The commands of `sp1tee verify`."""

    entries: ClassVar[dict[str, Entry]] = COMMANDS


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    epilog="Exit codes: 0 all required checks pass · 1 the evidence contradicts · 2 usage or "
    "policy file · 3 could not be evaluated · 4 genuine, but refused by policy · 5 internal "
    "error · 130 interrupted",
)


@app.callback()
def verify() -> None:
    """Check that a server is what it says it is.

    Every command reads evidence, says what it found and how far that can be believed, and judges
    it by a policy. Each can be repeated later without a network, from saved evidence.
    """
