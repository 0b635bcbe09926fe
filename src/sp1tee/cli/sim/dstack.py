"""`sp1tee sim dstack`."""

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.render import result, shout
from sp1tee.cli.running import announce, run_until_stopped, start_logs
from sp1tee.errors import ConfigError, HexError
from sp1tee.sim.dstack import Generation, Misbehaviour, SimAgent, of_application, run_agent
from sp1tee.sim.ingress import Host
from sp1tee.sim.pki import Offer
from sp1tee.wire.hexes import from_hex

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_APP_ID_SIZE: Final = 20


def host(
    *,
    app_id: Annotated[
        str | None, typer.Option(metavar="HEX", help="The application, 20 bytes.")
    ] = None,
    seed: Annotated[
        str, typer.Option(metavar="TEXT", help="What all keys follow from.")
    ] = "sp1tee sim dstack",
) -> Host:
    """Describe the guest; raises `ConfigError`."""
    made = Host(at=int(time.time()), seed=seed.encode())
    if app_id is None:
        return made
    try:
        return of_application(made, from_hex(app_id, _APP_ID_SIZE, "app id"))
    except HexError as error:
        raise ConfigError(error.message, advice=error.advice) from None


@app.command(
    epilog=examples(
        "# an agent, and a server whose vault's key comes from it",
        "sp1tee sim dstack --socket dstack.sock",
        "sp1tee serve --vault-key-source dstack --dstack-socket dstack.sock",
        "# a quote of its guest, which verifies as synthetic",
        "sp1tee sim dstack --socket dstack.sock --out anchors",
        "sp1tee evidence quote --socket dstack.sock --report-data 01 -o quote.json",
        "sp1tee verify quote quote.json --root anchors/intel-root.der \\",
        "    --collateral anchors/collateral.json",
    )
)
@assembled
def dstack(
    *,
    socket: Annotated[Path, typer.Option(metavar="PATH", help="Where to listen.")],
    host: Annotated[Host, host],
    api: Annotated[
        Generation,
        typer.Option(help="Its methods: those since dstack 0.4, or the older ones."),
    ] = "dstack",
    misbehave: Annotated[
        Misbehaviour | None, typer.Option(help="What goes wrong with every answer.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write what verifies its quotes, for 30 days."),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write its facts as JSON once it answers."),
    ] = None,
    logs: Annotated[None, start_logs],
) -> None:
    """Run a dstack guest agent without a guest.

    It hands out keys and quotes as the agent of a real guest does. Its keys follow from the seed
    and the application alone, so anybody can have them, and its quotes are signed by an Intel that
    is made up with it: it protects nothing and proves nothing. For trials and tests.
    """
    del logs
    if out is not None:
        _write_anchors(out, host)
    shout("This guest is synthetic: its keys are public, and its quotes prove nothing.")
    facts = {"socket": str(socket), "api": api, "app_id": host.booted.app_id.hex()}

    def ready() -> None:
        result(facts, as_json=False)
        if ready_file is not None:
            announce(ready_file, {**facts, "pid": os.getpid()})

    async def work(stop: asyncio.Event) -> None:
        agent = SimAgent(host, socket, generation=api, misbehave=misbehave)
        await run_agent(agent, ready=ready, stop=stop)

    run_until_stopped(work)


def _write_anchors(folder: Path, host: Host) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "intel-root.der").write_bytes(host.intel.root_der)
        (folder / "collateral.json").write_bytes(host.intel.collateral(Offer(at=host.at)))
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}.") from None
