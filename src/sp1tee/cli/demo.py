"""`sp1tee demo`: the run of `sp1tee.sim.demo` on a terminal."""

import os
import shlex
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.render import note, talk, warn
from sp1tee.cli.stages import duration, showing
from sp1tee.errors import ConfigError, NativeError, PrivacyBroken
from sp1tee.sim import backing, memory, tasks
from sp1tee.sim import demo as play
from sp1tee.sim.backing import COSTS, MOCK, Backing
from sp1tee.sim.demo import Outcome
from sp1tee.sim.tasks import Task
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin, decode_stdin

_GB: Final = 1_000_000_000

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "sp1tee demo",
        "# a real proof, in a minute or two",
        "sp1tee demo --prover cpu",
        "# a program of your own, its verifying key in app.elf.vk beside it",
        "sp1tee demo --program app.elf --stdin app.stdin",
        "# leave the service running, to try the SDK against it",
        "sp1tee demo --keep",
    )
)
def demo(
    *,
    prover: Annotated[
        Literal["mock", "cpu"],
        typer.Option(
            help="mock: a proof that proves nothing, at once. cpu: a real one, by sp1tee-prover: "
            "SP1's own prover, on this machine's processors. It needs 9 GB of memory for core, "
            "15 GB for compressed."
        ),
    ] = "mock",
    prover_program: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where sp1tee-prover is; by default SP1TEE_PROVER, or on PATH.",
        ),
    ] = None,
    program: Annotated[
        Path | None, typer.Option(metavar="ELF", help="Prove this program; needs --stdin.")
    ] = None,
    stdin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its input, a bincode SP1Stdin.")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="The kind of proof. mock: groth16, core or plonk; cpu: core or compressed. "
            "\\[default: the first one]"
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep proof, data and logs here.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Go on serving until Ctrl-C.")] = False,
) -> None:
    """Show the whole service on this machine: a private input goes in, a checked proof comes out.

    Starts a server and a fulfiller as processes of their own, proves that random private balances
    cover a public amount (or a program of yours), checks the proof, and searches disk, logs and
    the public port for the input. With --prover cpu the proof is a real one, and SP1's own verifier
    judges it; else it is a mock, checked for what it claims. Needs the extra sp1tee[all].
    """
    with extra("all", "demo"):
        import h2corn  # noqa: F401
        import unicorn  # noqa: F401
    task, chosen = _task(program, stdin), _backing(prover, prover_program)
    show(task, mode=chosen.choose(mode), chosen=chosen, folder=folder, keep=keep)


def _backing(prover: Literal["mock", "cpu"], program: Path | None) -> Backing:
    if prover == "cpu":
        return backing.cpu(program)
    if program is not None:
        raise ConfigError("--prover-program goes with --prover cpu.")
    return MOCK


def _task(program: Path | None, stdin: Path | None) -> Callable[[Path], Task]:
    if program is None and stdin is None:
        return tasks.solvency
    if program is None or stdin is None:
        raise ConfigError("A program of yours needs its input, and the other way round.")
    try:
        given = decode_stdin(stdin.read_bytes())
    except OSError as error:
        raise ConfigError(f"{stdin} cannot be read: {error.strerror}.") from None
    return partial(_own, program, given)


def _own(program: Path, stdin: Stdin, _folder: Path) -> Task:
    return tasks.own(program, stdin)


def show(
    task: Callable[[Path], Task],
    *,
    mode: Mode,
    chosen: Backing,
    folder: Path | None,
    keep: bool,
) -> None:
    """Run the demo and say what it showed; with `keep`, wait for Ctrl-C before stopping.

    Raises:
        PrivacyBroken: the input was found somewhere, or the search did not work.
        NativeError: SP1's verifier broke on a real proof.
    """
    began = time.perf_counter()
    if chosen.native is not None:
        _foretell(mode)
    with ExitStack() as running:
        # A terminal that goes away, too.
        running.enter_context(_stopped_by(signal.SIGTERM, signal.SIGHUP))
        scratch = running.enter_context(tempfile.TemporaryDirectory(prefix="sp1tee-demo-"))
        with showing(talk()) as stages:
            run = play.run(folder or Path(scratch), task, mode, chosen, stages)
            outcome = running.enter_context(run)
        _judge(outcome, chosen)
        talk().print()
        Console().print(_summary(outcome, chosen, time.perf_counter() - began))
        if folder is not None:
            note(_kept(outcome, chosen))
        if keep:
            talk().print(_invitation(outcome))
            signal.pause()


@contextmanager
def _stopped_by(*numbers: signal.Signals) -> Iterator[None]:
    """Let signals end the run as Ctrl-C does, which stops everything that was started.

    One that is ignored, as SIGHUP is under nohup, stays ignored.
    """
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _foretell(mode: Mode) -> None:
    cost, cores, free = COSTS[mode], len(os.sched_getaffinity(0)), memory.available()
    note(
        f"SP1's CPU prover makes a real {mode} proof. For a small program that takes about "
        f"{cost.minutes} minutes on two cores, and {_gigabytes(cost.memory)} of memory; this "
        f"machine has {cores} cores{'' if free is None else f' and {_gigabytes(free)} free'}."
    )
    if free is not None and free < cost.memory:
        warn(
            f"Only {_gigabytes(free)} of memory are free. The prover may be killed in the middle, "
            "or bring this machine to a halt."
        )


def _gigabytes(size: int) -> str:
    return f"{size / _GB:.0f} GB"


def _judge(outcome: Outcome, chosen: Backing) -> None:
    received = outcome.received
    if chosen.native is not None and not received.verified:
        raise NativeError(f"There is a proof: {received.verification}.")
    if outcome.private:
        return
    if places := (*outcome.disk.hits, *outcome.public):
        raise PrivacyBroken(f"The input was found: {', '.join(places)}.")
    raise PrivacyBroken("The search does not work: it missed what is known to be there.")


def _summary(outcome: Outcome, chosen: Backing, seconds: float) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_column()
    rows.add_column(overflow="fold")
    for name, text in (*_facts(outcome), *_worth(outcome, chosen), *_privacy(outcome)):
        rows.add_row(name, text)
    parts: list[RenderableType] = [rows]
    if outcome.received.mock:
        parts.append(
            Text(
                "MOCK PROOF: the public values are right, but it proves nothing.",
                style="bold yellow",
            )
        )
    what = "a proof" if chosen.native is None else "a real proof"
    title = f"{what} of a private input, in {duration(seconds)}"
    return Panel(Group(*parts), title=title, expand=False)


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    proof = outcome.received.proof
    yield "request", to_hex(outcome.received.request_id)
    yield "public values", to_hex(proof.public_values)
    yield "proof", f"{proof.mode}, {outcome.saved.stat().st_size:,} bytes"


def _worth(outcome: Outcome, chosen: Backing) -> Iterator[tuple[str, str]]:
    if chosen.native is not None:
        sp1 = f"SP1 {chosen.native.sp1_version}"
        yield "proved", f"in {duration(outcome.waited)}, the prover's start included"
        yield "verified", f"[bold green]by {sp1}: program, public values, exit code"
    else:
        # A Core proof names no program.
        program = "program, " if outcome.received.program_checked else ""
        yield "claims", f"checked: {program}public values, exit code"


def _privacy(outcome: Outcome) -> Iterator[tuple[str, str]]:
    files = f"{outcome.disk.files} files ({outcome.disk.size:,} bytes)"
    yield "the input", f"is in none of {files}, none of {outcome.asked} answers of the public port"


def _kept(outcome: Outcome, chosen: Backing) -> str:
    if chosen.native is None:
        return f"The proof is in {outcome.saved}."
    named = ("--program", outcome.program, "--prover-program", chosen.native.path)
    command = shlex.join(map(str, ("sp1tee", "verify", "proof", outcome.saved, *named)))
    return f"The proof is in {outcome.saved}. To verify it again:\n\n{command}"


def _invitation(outcome: Outcome) -> Panel:
    url = outcome.server.public_url
    return Panel(
        f"The service runs at {url} until you press Ctrl-C.\n\n"
        f"sp1tee prove program.elf --input @input.bin --server {url} \\\n"
        "    --key-file my.key -o proof.bin\n\n"
        "With the Rust SDK:\n"
        f'ProverClient::builder().network_for(NetworkMode::Reserved).rpc_url("{url}")',
        title="your turn",
        expand=False,
    )
