"""`sp1tee verify digests`."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify.common import (
    STDIN,
    BundleFile,
    Options,
    conclude,
    load,
    one_of,
    options,
    read,
)
from sp1tee.cli.verify.sources import registries
from sp1tee.errors import (
    ConfigError,
    EvidenceFileError,
    EvidenceMalformed,
    EvidenceTooLarge,
    VerifyError,
)
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.reading.files import MIB
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.cli.verify.rebuilds import Asked
    from sp1tee.verify.compose import ComposeFile
    from sp1tee.verify.digests import ImageEvidence
    from sp1tee.verify.evidence import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


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
        Path | None,
        typer.Argument(metavar="[COMPOSE]", help="The docker-compose file; - reads stdin."),
    ] = None,
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
    bundle: BundleFile = None,
    *,
    options: Annotated[Options, options],
) -> None:
    """Is every image pinned, served as pinned, and rebuilt?

    Refuses every service of a docker-compose file that does not pin its image by digest, asks the
    registry for each pin and hashes what it serves, and compares local builds with the published
    images: manifest, configuration, layers, or one program.
    """
    from sp1tee.cli.verify.rebuilds import Asked, read_builds
    from sp1tee.verify.digests import COMPOSE, Platform

    asked = Asked(
        platform=Platform.parse(platform),
        registries=registries(registry or ()),
        roots=None if ca_file is None else _usable_roots(ca_file),
        built=read_builds(built or ()),
        binary=binary,
    )
    one_of(compose, bundle, "a docker-compose file")
    target = str(compose or bundle)
    try:
        if bundle is not None:
            material = _saved(load(options, bundle))
        else:
            material = _read_file(compose or STDIN)
    except EvidenceFileError:
        raise
    except VerifyError as error:
        conclude(options, target, Findings((COMPOSE.unevaluable(error),)))
    chosen = _chosen(material.file, service or (), asked.built)
    findings, inputs = _look(chosen, material, asked, options)
    conclude(
        options,
        target,
        Findings(
            (
                COMPOSE.passes(f"It has the services {_names(material.file)}."),
                *(_measured() if bundle is not None else ()),
            )
        )
        + findings,
        (*material.inputs, *inputs),
        _notes(material.file, chosen),
    )


def _usable_roots(path: Path) -> Path:
    """Demand that a file holds CAs, whether or not any registry will be asked."""
    from sp1tee.verify.cert import read_roots

    try:
        read_roots(read(path, MIB), str(path))
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(error.message, advice="Leave it out to trust the public CAs.") from None
    return path


@dataclass(frozen=True, slots=True)
class Material:
    """What to look at: a docker-compose file, and what registries served if that was saved."""

    file: "ComposeFile"
    inputs: tuple[Input, ...]
    images: "Mapping[str, ImageEvidence] | None" = None


def _measured() -> tuple[Check, ...]:
    """Say what saved evidence's configuration is worth here."""
    from sp1tee.verify.compose.rules import HASH

    return (
        HASH.skips(
            "Whether this is the configuration that was measured was not checked here: the guest "
            "claims it.",
            remedy="Verify all of it: sp1tee verify all BUNDLE --policy FILE",
        ),
    )


def _read_file(compose: Path) -> Material:
    from sp1tee.verify.compose import parse_compose

    text = read(compose, MIB)
    return Material(parse_compose(text, str(compose)), (Input(str(compose), text),))


def _saved(kept: "Bundle") -> Material:
    """Take the measured docker-compose file of saved evidence, and its images."""
    from sp1tee.verify.appraisal import Parts
    from sp1tee.verify.compose import examine
    from sp1tee.verify.digests import from_records

    parts = Parts(kept)
    if isinstance(parts.app_compose, VerifyError):
        raise parts.app_compose
    facts = examine(parts.app_compose)
    if isinstance(facts.read, VerifyError):
        raise facts.read
    records = ((record, kept.file(record.file)) for record in kept.manifest.images)
    return Material(facts.read, parts.inputs(), from_records(records))


def _look(
    file: "ComposeFile", material: Material, asked: "Asked", options: Options
) -> tuple[Findings, tuple[Input, ...]]:
    from sp1tee.cli.verify.rebuilds import rebuilt
    from sp1tee.verify.digests import judge
    from sp1tee.verify.policy.model import DigestsPolicy

    images, inputs = _images(file, material, asked, options)
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


def _images(
    file: "ComposeFile", material: Material, asked: "Asked", options: Options
) -> "tuple[Mapping[str, ImageEvidence], tuple[Input, ...]]":
    if material.images is not None:
        return material.images, ()
    return ({}, ()) if options.offline else _fetch(file, asked)


def _fetch(
    file: "ComposeFile", asked: "Asked"
) -> "tuple[Mapping[str, ImageEvidence], tuple[Input, ...]]":
    from sp1tee.verify.digests import from_records, written
    from sp1tee.verify.fetch.registry import fetch_images

    fetched = fetch_images(written(file), asked.platform, asked.registries, roots=asked.roots)
    inputs = (Input(record.url, body) for record, body in fetched if body is not None)
    return from_records(fetched), tuple(inputs)


def _chosen(file: "ComposeFile", names: Sequence[str], built: Mapping[str, str]) -> "ComposeFile":
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


def _names(file: "ComposeFile") -> str:
    return ", ".join(service.name for service in file.services)


def _notes(file: "ComposeFile", chosen: "ComposeFile") -> tuple[str, ...]:
    left = [service.name for service in file.services if service not in chosen.services]
    return (f"Not looked at: {', '.join(left)}.",) if left else ()
