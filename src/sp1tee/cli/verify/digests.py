"""`sp1tee verify digests`."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify.common import Options, conclude, options, read
from sp1tee.cli.verify.rebuilds import Asked, read_builds, rebuilt
from sp1tee.errors import ConfigError, EvidenceFileError, VerifyError
from sp1tee.verify.checks import Findings
from sp1tee.verify.compose import ComposeFile, parse_compose
from sp1tee.verify.digests import COMPOSE, ImageEvidence, Platform, from_records, judge, uses
from sp1tee.verify.policy.model import DigestsPolicy
from sp1tee.verify.reading.files import MIB
from sp1tee.verify.report import Input

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_HOST_EQUALS: Final = re.compile(r"([A-Za-z0-9.:_\[\]-]+)=(https?://.+)")


@app.command(
    epilog=examples(
        "sp1tee verify digests docker-compose.yml",
        "# Compare a rebuild, made without an engine",
        "sp1tee verify digests docker-compose.yml --built server=oci-archive:server.tar",
        "# Annotate a pull request",
        "sp1tee verify digests docker-compose.yml --format sarif --output digests.sarif",
    )
)
@assembled
def digests(  # noqa: PLR0917 - every one is an option with a name
    compose: Annotated[
        Path, typer.Argument(metavar="COMPOSE", help="The docker-compose file; - reads stdin.")
    ],
    service: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Look at this service only; may be repeated."),
    ] = None,
    registry: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[HOST=]URL",
            help="Ask this registry for the images of one host, or of all; may be repeated.",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PEM",
            exists=True,
            dir_okay=False,
            help="CAs of the registries, instead of the public ones.",
        ),
    ] = None,
    built: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=IMAGE",
            help="Compare a local build: oci-layout:FOLDER, oci-archive:FILE, docker-archive:FILE "
            "or docker-image:NAME; may be repeated.",
        ),
    ] = None,
    binary: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="If nothing else of a build is the same, compare this program in the images.",
        ),
    ] = None,
    platform: Annotated[
        str, typer.Option(metavar="OS/ARCH", help="What the images run on.")
    ] = "linux/amd64",
    *,
    options: Annotated[Options, options],
) -> None:
    """Is every image pinned, served as pinned, and rebuilt?

    Refuses every service of a docker-compose file that does not pin its image by digest, asks the
    registry for each pin and hashes what it serves, and compares local builds with the published
    images: manifest, configuration, layers, or one program.
    """
    asked = Asked(
        platform=Platform.parse(platform),
        registries=_registries(registry or ()),
        roots=ca_file,
        built=read_builds(built or ()),
        binary=binary,
    )
    try:
        text = read(compose, MIB)
        file = parse_compose(text, str(compose))
    except EvidenceFileError:
        raise
    except VerifyError as error:
        conclude(options, str(compose), Findings((COMPOSE.unevaluable(error),)))
    chosen = _chosen(file, service or (), asked.built)
    findings, inputs = _look(chosen, asked, options)
    conclude(
        options,
        str(compose),
        Findings((COMPOSE.passes(f"It has the services {_names(file)}."),)) + findings,
        (Input(str(compose), text), *inputs),
        _notes(file, chosen),
    )


def _look(file: ComposeFile, asked: Asked, options: Options) -> tuple[Findings, tuple[Input, ...]]:
    images, inputs = ({}, ()) if options.offline else _fetch(file, asked)
    section = None if options.policy is None else options.policy.policy.digests
    with ExitStack() as stack:
        rebuilds = {
            name: stack.enter_context(rebuilt(file, name, spelling, images, asked))
            for name, spelling in asked.built.items()
        }
        findings = judge(
            file,
            images,
            section or DigestsPolicy(),
            built=rebuilds,
            required=options.policy is not None,
            platform=asked.platform,
        )
    return findings, inputs


def _fetch(
    file: ComposeFile, asked: Asked
) -> tuple[Mapping[str, ImageEvidence], tuple[Input, ...]]:
    from sp1tee.verify.fetch.registry import fetch_images

    written = [use.image for use in uses(file) if use.image is not None and not use.interpolated]
    fetched = fetch_images(written, asked.platform, asked.registries, roots=asked.roots)
    inputs = (Input(record.url, body) for record, body in fetched if body is not None)
    return from_records(fetched), tuple(inputs)


def _chosen(file: ComposeFile, names: Sequence[str], built: Mapping[str, str]) -> ComposeFile:
    for name in (*names, *built):
        if file.service(name) is None:
            raise ConfigError(
                f"There is no service {name!r} in {file.name}.",
                advice=f"It has {_names(file)}.",
            )
    if not names:
        return file
    wanted = {*names, *built}
    return replace(file, services=tuple(s for s in file.services if s.name in wanted))


def _names(file: ComposeFile) -> str:
    return ", ".join(service.name for service in file.services)


def _notes(file: ComposeFile, chosen: ComposeFile) -> tuple[str, ...]:
    left = [service.name for service in file.services if service not in chosen.services]
    return (f"Not looked at: {', '.join(left)}.",) if left else ()


def _registries(typed: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in typed:
        match = _HOST_EQUALS.fullmatch(each)
        host, url = match.groups() if match else ("*", each)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(
                f"{each!r} is no registry.", advice="Write URL or HOST=URL, e.g. https://ghcr.io."
            )
        if host in found:
            raise ConfigError("Two registries are named for the same images.")
        found[host] = url
    return found
