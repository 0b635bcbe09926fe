"""`sp1tee execute`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.contact import seconds
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.handover import Format
from sp1tee.cli.materials import Elf, source
from sp1tee.cli.render import result
from sp1tee.client import Source
from sp1tee.client.program import read_elf
from sp1tee.wire.stdin import Stdin, decode_stdin
from sp1tee.wire.versions import Family

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sp1tee.fulfill.executors import Execution, Executor, Limits

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

MIB = 1 << 20


@app.command(
    epilog=examples(
        "sp1tee execute fibonacci.elf --input 0a000000",
        "sp1tee execute app.elf --stdin app.stdin --format json | jq .cycles",
    )
)
@assembled
def execute(
    *,
    elf: Elf,
    source: Annotated[Source, source],
    cycle_limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Stop after so many cycles.")
    ] = None,
    time_limit: Annotated[
        int,
        typer.Option(metavar="TIME", parser=seconds, help="Stop after so long, such as 90 or 15m."),
    ] = "10m",  # type: ignore[assignment] # Typer parses a default like what is typed
    memory: Annotated[
        int, typer.Option(min=1, metavar="MIB", help="Memory that the program may use.")
    ] = 4096,
    executor: Annotated[
        Literal["auto", "native", "unicorn"],
        typer.Option(
            help="What runs it: SP1's own executor, which counts gas and has every precompile, or "
            "an emulator. auto: SP1's own for v6 where sp1tee-prover is found."
        ),
    ] = "auto",
    program: Annotated[
        Path | None,
        typer.Option(
            "--executor-program",
            metavar="PATH",
            help="Where sp1tee-prover is; by default SP1TEE_PROVER, or on PATH.",
        ),
    ] = None,
    format_: Format = "text",
) -> None:
    """Run a program on this machine, without a proof.

    Shows its public values, its cycles as SP1 counts them, its prover gas if the executor can tell,
    its exit code, the end of what it printed to standard error and, if it does not run to its end,
    why. Nothing leaves the machine. Exit code 1 means that SP1 would not prove this run. Needs the
    extra sp1tee[fulfill].
    """
    with extra("fulfill", "execute"):
        from sp1tee.fulfill.executors import Limits
        from sp1tee.fulfill.executors.choosing import opened
        from sp1tee.fulfill.executors.needs import Needs
    data, family = read_elf(elf)
    stdin = decode_stdin(b"".join(source.chunks()))
    limits = Limits(cycle_limit, memory * MIB, float(time_limit))
    needs = Needs(1, 0, limits.memory_bytes, len(data) + len(stdin.encode()))
    opening = opened(executor, program, needs)
    run, name = asyncio.run(_run(opening, data, stdin, family, limits))
    result({"executor": name, **_facts(run)}, as_json=format_ == "json")
    if run.cause is not None:
        raise typer.Exit(1)


async def _run(
    opening: "AbstractAsyncContextManager[Executor]",
    elf: bytes,
    stdin: Stdin,
    family: Family,
    limits: "Limits",
) -> "tuple[Execution, str]":
    async with opening as executor:
        run = await executor.execute(elf, stdin, family=family, limits=limits, tenant="")
        return run, executor.name


def _facts(run: "Execution") -> dict[str, object]:
    return {
        "public_values": run.public_values.hex(),
        "cycles": run.cycles,
        "gas": run.gas,
        "exit_code": run.exit_code,
        "cause": None if run.cause is None else run.cause.name.lower(),
        "reason": run.text or None,
        "printed": run.printed or None,
    }
