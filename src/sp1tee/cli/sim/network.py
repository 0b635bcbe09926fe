"""`sp1tee sim network`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.running import announce, run_until_stopped, start_logs
from sp1tee.errors import ConfigError
from sp1tee.logs import get
from sp1tee.wire.signing import parse_address

with extra("serve", "sim"):
    from sp1tee.sim.network import SimNetwork, SimSettings, Tls, run_sim
    from sp1tee.sim.network.faults import FAULT, Fault
    from sp1tee.sim.network.settings import OWN_PROVER

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_log = get(__name__)


def settings(
    *,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where calls are taken; port 0: any.")
    ] = "127.0.0.1:9000",
    artifacts_listen: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="Where uploads and downloads are taken.")
    ] = "127.0.0.1:0",
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate chain (PEM) for both.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")
    ] = None,
    fulfiller: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Who gets reserved and auction requests; nobody by default.",
        ),
    ] = None,
    hosted_fulfiller: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Who gets hosted requests; the network's own prover by default."
        ),
    ] = None,
    assignment_delay: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long a request stays unassigned."),
    ] = 0.0,
    refuse_mocks: Annotated[
        bool, typer.Option("--refuse-mocks", help="Refuse mock proofs, as the real network does.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append everything that is heard, byte for byte."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="JSON",
            help='Something to go wrong, such as {"fault": "outage"}; also delay, answer, '
            "lose_reply, nonce_race, assignment, assign and burn_nonce. Repeatable.",
        ),
    ] = None,
) -> "SimSettings":
    """Choose how the network behaves; raises `ConfigError` and `HexError`."""
    if (tls_cert is None) != (tls_key is None):
        raise ConfigError("--tls-cert and --tls-key belong together.")
    return SimSettings(
        listen=listen,
        artifacts_listen=artifacts_listen,
        tls=Tls(tls_cert, tls_key) if tls_cert and tls_key else None,
        fulfiller=None if fulfiller is None else parse_address(fulfiller),
        hosted_fulfiller=OWN_PROVER
        if hosted_fulfiller is None
        else parse_address(hosted_fulfiller),
        assignment_delay_s=assignment_delay,
        refuse_mocks=refuse_mocks,
        record=record,
        faults=tuple(_fault(text) for text in fault or ()),
    )


@app.command(
    epilog=examples(
        "# a network, and a server that stands in front of it",
        "sp1tee sim network --listen 127.0.0.1:9000 --fulfiller $(sp1tee keys show --key-file key)",
        "sp1tee serve --network upstream --upstream-url http://127.0.0.1:9000 \\",
        "    --fulfiller-key-file key",
        "# a network that is away for its first three calls",
        'sp1tee sim network --fault \'{"fault": "answer", "calls": 3}\'',
    )
)
@assembled
def network(
    *,
    settings: Annotated[SimSettings, settings],
    ready_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where to write both addresses as JSON once they answer."
        ),
    ] = None,
    logs: Annotated[None, start_logs],
) -> None:
    """Run a strict Prover Network that lives in memory.

    It accepts what the real network accepts, as far as that is known, and nothing else; proofs
    are checked for what they claim. Nothing survives its end. For trying out, tests and whoever
    has no account: no proof is paid for here.
    """
    del logs

    def ready(running: SimNetwork) -> None:
        facts = {"public": running.url, "artifacts": running.artifacts_url, "pid": os.getpid()}
        if ready_file is not None:
            announce(ready_file, facts)
        _log.info("simulating", **facts)

    async def work(stop: asyncio.Event) -> None:
        await run_sim(settings, ready=ready, stop=stop)

    run_until_stopped(work)


def _fault(text: str) -> "Fault":
    try:
        return FAULT.validate_json(text)
    except ValidationError as error:
        raise ConfigError(
            f"A fault is not one: {error.errors(include_url=False)[0]['msg']}.",
            advice='Write it as JSON, e.g. \'{"fault": "outage"}\'.',
        ) from None
