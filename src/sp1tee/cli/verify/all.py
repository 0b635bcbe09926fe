"""`sp1tee verify all`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify.common import (
    BundleFile,
    Options,
    conclude,
    demand_host,
    load,
    options,
)
from sp1tee.cli.verify.sources import PANEL, Asked, asked
from sp1tee.errors import ConfigError, EvidenceMalformed

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "sp1tee verify all tee.example.org --policy policy.toml",
        "# keep the evidence, and judge it again elsewhere",
        "sp1tee verify all tee.example.org --policy policy.toml --save evidence.tar",
        "sp1tee verify all evidence.tar --policy policy.toml --at 2026-09-01T12:00:00Z",
        "# what would a policy have to say?",
        "sp1tee verify all tee.example.org",
    )
)
@assembled
def verify_all(
    *,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[HOST[:PORT]|BUNDLE]", help="A host, or saved evidence about one."),
    ] = None,
    options: Annotated[Options, options],
    bundle: BundleFile = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE.tar",
            help="Keep the evidence; must not exist yet.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    asked: Annotated[Asked, asked],
) -> None:
    """Check everything about a host, on one bundle of evidence.

    The certificate, the quote, the event log, the OS image, the configuration, CAA and the images:
    each builds on what the ones before it bore out. Without a policy nothing passes: the report
    then shows the facts and the lines that a policy would need.
    """
    from sp1tee.verify.appraisal import NOTHING, appraise

    evidence = _evidence(target, bundle, save, options, asked)
    policy = NOTHING if options.policy is None else options.policy.policy
    findings, inputs, notes = appraise(evidence, policy, at=options.at)
    conclude(options, evidence.manifest.target.host, findings, inputs, notes)


def _evidence(
    target: str | None,
    bundle: Path | None,
    keep: Path | None,
    options: Options,
    asked: Asked,
) -> "Bundle":
    from sp1tee.verify.reading import is_there

    if bundle is not None:
        kept = load(options, bundle)
        demand_host(kept, target)
        return kept
    if not target:
        raise ConfigError(
            "Name something to verify.",
            advice="A host, e.g. tee.example.org, or a bundle that `sp1tee evidence fetch` saved.",
        )
    if is_there(Path(target)):
        _demand_one_meaning(target)
        return load(options, Path(target))
    if options.offline:
        raise ConfigError(
            f"{target[:80]!r} is no saved evidence, and --offline forbids to collect any.",
            advice="Name a bundle.",
        )
    return asked.collect(target, keep)


def _demand_one_meaning(target: str) -> None:
    """Refuse a host's name that a file here has as well: who put it there would be believed."""
    from sp1tee.verify.caa import read_host
    from sp1tee.verify.evidence.storage import SUFFIX

    if "/" in target or target.endswith(SUFFIX):
        return
    try:
        read_host(target)
    except EvidenceMalformed:
        return
    raise ConfigError(
        f"{target} may be the host, or what is saved here under its name.",
        advice=f"For what is saved: ./{target}. For the host: run it in another folder.",
    )
