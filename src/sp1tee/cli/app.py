"""`sp1tee`: every command, and what happens when one fails."""

import io
import os
import sys
from typing import Annotated, ClassVar, Final

import typer

from sp1tee.cli.lazy import Entry, LazyGroup
from sp1tee.errors import Sp1teeError

COMMANDS: Final = {
    "demo": Entry("sp1tee.cli.demo", "Show the whole service on this machine."),
    "prove": Entry("sp1tee.cli.prove", "Get a proof of a program on a private input."),
    "status": Entry("sp1tee.cli.status", "Show how far a request is."),
    "wait": Entry("sp1tee.cli.wait", "Wait for a request's proof and fetch it."),
    "execute": Entry("sp1tee.cli.execute", "Run a program on this machine, without a proof."),
    "keys": Entry("sp1tee.cli.keys", "Make keys of requesters, and certificates of workers."),
    "serve": Entry("sp1tee.cli.serve", "Take requests, keep their inputs, hand out work."),
    "fulfill": Entry("sp1tee.cli.fulfill", "Prove what a server has to prove."),
    "top": Entry("sp1tee.cli.top", "Watch a server live."),
    "queue": Entry("sp1tee.cli.queue", "Look at a server's requests, try them again, drop them."),
    "workers": Entry("sp1tee.cli.workers", "Give workers tokens of their own, and stop bad ones."),
    "doctor": Entry("sp1tee.cli.doctor", "Check whether this machine can fulfil requests."),
    "verify": Entry("sp1tee.cli.verify", "Check that a server is what it says it is."),
    "evidence": Entry("sp1tee.cli.evidence", "Collect what there is to check about a server."),
    "policy": Entry("sp1tee.cli.policy", "Write, explain and check what you demand of a server."),
    "rtmr3": Entry("sp1tee.cli.rtmr3", "Work out what a measured boot must give."),
    "compose": Entry("sp1tee.cli.compose", "Check compose files before they are deployed."),
    "sim": Entry("sp1tee.cli.sim", "Stand-ins for what is not on this machine."),
}
"""Every command, in the order of `sp1tee --help`."""

DEBUG: Final = "SP1TEE_DEBUG"
INTERRUPTED: Final = 130
INTERNAL: Final = 5


class Commands(LazyGroup):
    """The commands of `sp1tee`."""

    entries: ClassVar[dict[str, Entry]] = COMMANDS


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done · 1 the request failed, or the evidence contradicts · 2 usage or "
    "settings · 3 could not be reached or evaluated · 4 refused · 5 internal error · "
    "130 interrupted",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from sp1tee import __version__

        typer.echo(f"sp1tee {__version__}")
        raise typer.Exit


@app.callback()
def sp1tee(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar=DEBUG, help="Show tracebacks of errors.")
    ] = False,
) -> None:
    """Private SP1 proofs: the input stays inside the enclave, and anybody can check that."""
    del version
    if debug:
        os.environ[DEBUG] = "1"


def main() -> None:
    """Run the command line; this is the `sp1tee` on PATH."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What its encoding lacks is written as escapes, as on stderr, instead of not at all.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; returns its exit code."""
    # gRPC's C core has its own log, on stderr; what matters comes as errors.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app(arguments, prog_name="sp1tee")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Sp1teeError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _break(error)
    return 0


def _fail(error: Sp1teeError) -> int:
    from sp1tee.cli.render import show_error

    _trace(error)
    show_error(error.code, error.message, error.advice)
    return error.exit_code


def _break(error: Exception) -> int:
    from sp1tee.cli.render import show_error

    _trace(error)
    # The text of a foreign error may hold anything, an input included: only its kind is told.
    show_error(
        Sp1teeError.code,
        f"Something broke inside sp1tee ({type(error).__name__}).",
        f"Run it again with {DEBUG}=1 and report the traceback.",
    )
    return INTERNAL


def _trace(error: Exception) -> None:
    if os.environ.get(DEBUG):
        import traceback

        traceback.print_exception(error)
