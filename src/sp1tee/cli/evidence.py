"""`sp1tee evidence`."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.output import write
from sp1tee.cli.render import result, table, warn
from sp1tee.cli.verify.sources import Asked, asked, place
from sp1tee.errors import ConfigError, EvidenceMissing, FetchError, HexError, VerifyError
from sp1tee.verify.moments import rfc3339
from sp1tee.wire.hexes import from_hex

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

_REPORT_DATA: Final = 64


@app.callback()
def evidence() -> None:
    """Collect what there is to check about a server.

    A bundle holds everything that a verdict rests on, as it came: certificates, evidence files,
    DNS answers, the quote's collateral, the measured configuration, image manifests. It can be
    judged on another machine, or years later.
    """


@app.command(
    epilog=examples(
        "sp1tee evidence fetch tee.example.org -o evidence.tar",
        "sp1tee verify all evidence.tar --policy policy.toml --at 2026-09-01T12:00:00Z",
    )
)
@assembled
def fetch(
    *,
    host: Annotated[
        str, typer.Argument(metavar="HOST[:PORT]", help="The name that clients connect to.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR|FILE.tar", help="Where to; must not exist yet."
        ),
    ],
    asked: Annotated[Asked, asked],
    as_json: Annotated[bool, typer.Option("--json", help="Write what was got as JSON.")] = False,
) -> None:
    """Collect evidence about a host and save it.

    What cannot be had is recorded with its reason and does not stop the rest; only if there is no
    evidence at all, the command fails. Nothing is judged here.
    """
    bundle = asked.collect(host, output)
    for trouble in troubles(bundle):
        warn(trouble)
    result(
        {
            "bundle": str(output),
            "digest": bundle.digest,
            "files": len(bundle.bodies),
            "collected": rfc3339(bundle.manifest.finished),
        },
        as_json=as_json,
    )
    if not any(file.file for file in bundle.manifest.ingress):
        raise FetchError(
            f"{place(host)[0]} gave no evidence at all.",
            advice=f"The bundle in {output} says why, piece by piece.",
        )


@app.command(
    epilog=examples(
        "# inside the guest: answer a challenge that somebody outside has drawn",
        "sp1tee evidence quote --report-data 5f0c…9e -o quote.json",
        "# outside, with the challenge filled up with zeros to 64 bytes",
        "sp1tee verify quote quote.json --report-data 5f0c…9e00…00",
        "sp1tee verify rtmr3 --quote quote.json --app-id 9b78…eb93",
    )
)
def quote(
    report_data: Annotated[
        str,
        typer.Option(
            metavar="HEX", help="What the guest signs: at most 64 bytes, filled up with zeros."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it instead of stdout."),
    ] = None,
    socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="The guest agent's socket; by default wherever dstack mounts it."
        ),
    ] = None,
) -> None:
    """Have the guest that this runs in quoted, by dstack's guest agent.

    Writes what the agent answers, as JSON: the quote, the event log and what describes the virtual
    machine. Nothing is judged here: take it outside and verify it there. A challenge that the
    reader has just drawn shows that the quote is no older.
    """
    with extra("serve", "evidence quote"):
        from sp1tee.dstack import GuestAgent, find_socket

    found = socket or find_socket()
    if found is None:
        raise ConfigError(
            "There is no guest agent's socket here.",
            advice="Run this inside a dstack guest, in a container that mounts its socket, or name "
            "it with --socket.",
        )
    quoted = asyncio.run(GuestAgent(found).quote(_challenge(report_data)))
    text = json.dumps(quoted.to_json(), indent=1) + "\n"
    write(text, output)


def _challenge(text: str) -> bytes:
    try:
        data = from_hex(text, what="report data")
    except HexError as error:
        raise ConfigError(error.message, advice=error.advice) from None
    if not data or len(data) > _REPORT_DATA:
        raise ConfigError(f"The report data has {len(data)} bytes, and a quote takes 1 to 64.")
    return data


@app.command(epilog=examples("sp1tee evidence show evidence.tar"))
def show(
    bundle: Annotated[Path, typer.Argument(metavar="DIR|FILE.tar", help="A saved bundle.")],
) -> None:
    """List what a bundle holds and where it came from; its digests are checked, nothing else."""
    from sp1tee.verify.evidence import load_bundle

    loaded = load_bundle(bundle)
    table([("size", "sha256", "file"), *_rows(loaded)])
    for trouble in troubles(loaded):
        warn(trouble)


@app.command(
    epilog=examples(
        "sp1tee evidence compose evidence.tar -o docker-compose.yml",
        "# the hash of these bytes is the compose hash that a genuine guest measures",
        "sp1tee evidence compose evidence.tar --app-compose | sha256sum",
    )
)
def compose(
    bundle: Annotated[Path, typer.Argument(metavar="DIR|FILE.tar", help="A saved bundle.")],
    *,
    app_compose: Annotated[
        bool,
        typer.Option("--app-compose", help="The whole app-compose.json that it is inside of."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it instead of stdout."),
    ] = None,
) -> None:
    """Write the docker-compose file that a guest says it runs, byte for byte.

    It is what the guest claims: `sp1tee verify rtmr3 --bundle` says whether it was measured.
    """
    from sp1tee.verify.appraisal import Parts
    from sp1tee.verify.compose import examine
    from sp1tee.verify.evidence import load_bundle

    raw = Parts(load_bundle(bundle)).app_compose
    if isinstance(raw, VerifyError):
        raise raw
    wanted = raw if app_compose else examine(raw).inside
    if wanted is None:
        raise EvidenceMissing("The guest's app-compose.json holds no docker-compose file.")
    write(wanted.decode(), output)


def troubles(bundle: "Bundle") -> list[str]:
    """Say what could not be had."""
    manifest = bundle.manifest
    asked = [
        *((f"TLS at {entry.address}", entry.trouble) for entry in manifest.endpoints),
        *((entry.name, entry.trouble) for entry in manifest.ingress),
        *(
            (f"{entry.type} {entry.name} at {entry.resolver}", entry.trouble)
            for entry in manifest.dns
        ),
        *((entry.reference, entry.trouble) for entry in manifest.images),
        *(
            (entry.source, entry.trouble)
            for entry in (manifest.info, manifest.collateral)
            if entry is not None
        ),
    ]
    return [f"{what}: {trouble.message}" for what, trouble in asked if trouble is not None]


def _rows(bundle: "Bundle") -> list[tuple[str, str, str]]:
    files = sorted(bundle.manifest.files.items())
    return [(str(file.size), file.sha256, path) for path, file in files]
