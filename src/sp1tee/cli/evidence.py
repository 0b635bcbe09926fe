"""`sp1tee evidence`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.render import result, table, warn
from sp1tee.cli.verify.sources import Asked, asked, place
from sp1tee.errors import FetchError
from sp1tee.verify.moments import rfc3339

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


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
