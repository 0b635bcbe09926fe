"""`sp1tee demo`: the run of `sp1tee.sim.demo` on a terminal."""

import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.errors import ConfigError, PrivacyBroken
from sp1tee.sim import demo as play
from sp1tee.sim.demo import Input, Outcome
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin, decode_stdin

MOCKABLE: Final = (Mode.CORE, Mode.PLONK, Mode.GROTH16)

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "sp1tee demo",
        "# a program of your own, its verifying key in app.elf.vk beside it",
        "sp1tee demo --program app.elf --stdin app.stdin",
        "# leave the service running, to try the SDK against it",
        "sp1tee demo --keep",
    )
)
def demo(
    *,
    program: Annotated[
        Path | None, typer.Option(metavar="ELF", help="Prove this program; needs --stdin.")
    ] = None,
    stdin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its input, a bincode SP1Stdin.")
    ] = None,
    mode: Annotated[
        str, typer.Option(help="The kind of mock proof: core, plonk or groth16.")
    ] = "groth16",
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep data and logs here.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Go on serving until Ctrl-C.")] = False,
) -> None:
    """Show the whole service on this machine: a private input goes in, a checked proof comes out.

    Starts a server and a fulfiller as processes of their own, proves that random private balances
    cover a public amount (or a program of yours), checks what the proof claims, and searches disk,
    logs and the public port for the input. The proof is a mock proof. Needs the extra sp1tee[all].
    """
    with extra("all", "demo"):
        import h2corn  # noqa: F401
        import unicorn  # noqa: F401
    chosen = Mode.parse(mode)
    if chosen not in MOCKABLE:
        raise ConfigError(
            "There are no mock proofs of this mode.", advice="Take core, plonk or groth16."
        )
    show(_task(program, stdin), mode=chosen, folder=folder, keep=keep)


def _task(program: Path | None, stdin: Path | None) -> Callable[[Path], Input]:
    if program is None and stdin is None:
        return play.solvency
    if program is None or stdin is None:
        raise ConfigError("A program of yours needs its input, and the other way round.")
    try:
        given = decode_stdin(stdin.read_bytes())
    except OSError as error:
        raise ConfigError(f"{stdin} cannot be read: {error.strerror}.") from None
    return partial(_own, program, given)


def _own(program: Path, stdin: Stdin, _folder: Path) -> Input:
    return play.own(program, stdin)


@dataclass(slots=True)
class _Stage:
    text: str
    begin: float
    end: float | None = None
    note: str = ""


class StageTable:
    """Shows the stages of a run with their times, the running one with a spinner."""

    def __init__(self) -> None:
        self._stages: list[_Stage] = []
        self._spinner = Spinner("dots", style="cyan")

    def begin(self, text: str) -> None:
        """Add a stage; the one before has ended."""
        self.end("")
        self._stages.append(_Stage(text, time.perf_counter()))

    def end(self, text: str) -> None:
        """Note when and how the running stage ended."""
        if self._stages and self._stages[-1].end is None:
            self._stages[-1].end = time.perf_counter()
            self._stages[-1].note = text

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(min_width=40)
        table.add_column(justify="right")
        table.add_column(style="dim")
        for stage in self._stages:
            running = stage.end is None
            mark = self._spinner if running else Text("✓", style="green")
            took = (stage.end or time.perf_counter()) - stage.begin
            table.add_row(mark, stage.text, f"{took * 1000:,.0f} ms", stage.note)
        return table


def show(chosen: Callable[[Path], Input], *, mode: Mode, folder: Path | None, keep: bool) -> None:
    """Run the demo and say what it showed; with `keep`, wait for Ctrl-C before stopping.

    Raises:
        PrivacyBroken: the input was found somewhere, or the search did not work.
    """
    console = Console(stderr=True)
    began = time.perf_counter()
    # Whoever stops it wants everything that it started stopped, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="sp1tee-demo-") as scratch:
        stages = StageTable()
        live = Live(stages, console=console, refresh_per_second=20)
        with live, play.run(folder or Path(scratch), chosen, mode, stages) as outcome:
            stages.end("")
            live.stop()
            console.print()
            _judge(outcome)
            Console().print(_summary(outcome, time.perf_counter() - began))
            if keep:
                console.print(_invitation(outcome))
                signal.pause()


def _judge(outcome: Outcome) -> None:
    if outcome.private:
        return
    if places := (*outcome.disk.hits, *outcome.public):
        raise PrivacyBroken(f"The input was found: {', '.join(places)}.")
    raise PrivacyBroken("The search does not work: it missed what is known to be there.")


def _summary(outcome: Outcome, seconds: float) -> Panel:
    received = outcome.received
    rows = Table.grid(padding=(0, 2))
    rows.add_column()
    rows.add_column(overflow="fold")
    rows.add_row("request", to_hex(received.request_id))
    rows.add_row("public values", to_hex(received.proof.public_values))
    # A Core proof names no program.
    program = "program, " if received.program_checked else ""
    rows.add_row("claims", f"checked: {program}public values, exit code")
    rows.add_row(
        "the input",
        f"is in none of {outcome.disk.files} files ({outcome.disk.size:,} bytes), "
        f"none of {outcome.asked} answers of the public port",
    )
    parts: list[RenderableType] = [rows]
    if received.mock:
        parts.append(
            Text(
                "MOCK PROOF: the public values are right, but it proves nothing.",
                style="bold yellow",
            )
        )
    return Panel(
        Group(*parts), title=f"a proof of a private input, in {seconds:.1f} s", expand=False
    )


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
