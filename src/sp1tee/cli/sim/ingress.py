"""`sp1tee sim ingress`."""

import asyncio
import os
import secrets
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.render import result, shout, table
from sp1tee.cli.running import announce, run_until_stopped, start_logs
from sp1tee.errors import ConfigError
from sp1tee.sim.ingress import ATTACKS, Host, Ports, SimIngress, attacked, build, run_ingress
from sp1tee.sim.ingress.instructions import facts
from sp1tee.sim.ingress.reader import files

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_PANEL = "Where to listen"
_Port = Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", rich_help_panel=_PANEL)]


def ports(
    *,
    port: _Port = 0,
    info_port: _Port = 0,
    pccs_port: _Port = 0,
    registry_port: _Port = 0,
    dns_port: _Port = 0,
) -> Ports:
    """Choose ports on loopback; 0 takes any."""
    return Ports(tls=port, info=info_port, pccs=pccs_port, registry=registry_port, dns=dns_port)


def host(
    *,
    attack: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Something to try; see --list-attacks. Repeatable."),
    ] = None,
    layout: Annotated[
        Literal["domain", "single"],
        typer.Option(help="Whether the evidence has cert-HOST.pem or, as before, cert.pem."),
    ] = "domain",
    seed: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What all keys follow from; made up if left out."),
    ] = None,
) -> tuple[Host, Host]:
    """Describe an honest host, and what becomes of it; raises `ConfigError`."""
    honest = Host(
        at=int(time.time()),
        seed=secrets.token_bytes(16) if seed is None else seed.encode(),
        single_file=layout == "single",
    )
    return honest, attacked(honest, attack or ())


def _list_attacks(wanted: bool) -> None:
    if not wanted:
        return
    rows = [
        (attack.name, ", ".join(attack.numbers), ", ".join(attack.expects), attack.what)
        for attack in ATTACKS.values()
    ]
    table([("NAME", "NUMBERS", "CAUGHT BY", "WHAT THE HOST DOES"), *rows])
    raise typer.Exit


@app.command(
    epilog=examples(
        "# a host, and in another shell the command that it prints",
        "sp1tee sim ingress --out rehearsal",
        "# the same host, run by somebody who only relays an enclave's evidence",
        "sp1tee sim ingress --out rehearsal --attack relay",
    )
)
@assembled
def ingress(
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where to write a policy that fits, and its anchors."),
    ],
    hosts: Annotated[tuple[Host, Host], host],
    listen: Annotated[Ports, ports],
    ready_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write everything as JSON once it answers."),
    ] = None,
    list_attacks: Annotated[
        bool,
        typer.Option(
            "--list-attacks",
            help="Show what a host can try, and what must catch it.",
            callback=_list_attacks,
            is_eager=True,
        ),
    ] = False,
    logs: Annotated[None, start_logs],
) -> None:
    """Run a complete synthetic host to verify: TLS, evidence, Info, PCCS, DNS, registry.

    It proves nothing: its Intel, its CA and its CT logs are made up with it. A policy and anchors
    that fit the honest host are written to DIR, and the command that verifies it is printed; with
    an attack, the same command must not pass. For trying out what `sp1tee verify` says, and for
    tests of your own.
    """
    del logs, list_attacks
    honest, acting = hosts
    served = build(acting)
    _write(out, files(honest))
    shout("This host is synthetic and proves nothing: its Intel, CA and CT logs are made up.")

    def ready(running: SimIngress) -> None:
        told = facts(running, out.absolute())
        result({key: _plain(value) for key, value in told.items()}, as_json=False)
        if ready_file is not None:
            announce(ready_file, {**told, "pid": os.getpid()})

    async def work(stop: asyncio.Event) -> None:
        await run_ingress(served, ports=listen, ready=ready, stop=stop)

    run_until_stopped(work)


def _write(folder: Path, contents: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}.") from None


def _plain(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
