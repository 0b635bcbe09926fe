"""What every `sp1tee verify` command shares: its options at the start, its report at the end."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, NoReturn, TextIO, TypedDict

import typer

from sp1tee.cli.output import write_file, write_stdout
from sp1tee.errors import BundleError, ConfigError, EvidenceTooLarge
from sp1tee.verify.checks import Findings
from sp1tee.verify.reading import read_file
from sp1tee.verify.report import Input, Report

if TYPE_CHECKING:
    from sp1tee.verify.evidence import Bundle
    from sp1tee.verify.policy.model import Section
    from sp1tee.verify.policy.reading import LoadedPolicy

Format = Literal["table", "json", "sarif", "junit", "markdown", "html"]
_PANEL: Final = "Verdict"
_PolicyFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="What you demand; see `sp1tee policy`.", rich_help_panel=_PANEL
    ),
]
_At = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Judge for this time: Unix seconds or RFC 3339. Now, if left out.",
        rich_help_panel=_PANEL,
    ),
]
_ReportFormat = Annotated[
    Format, typer.Option("--format", help="How to write the report.", rich_help_panel=_PANEL)
]
_Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Where to write it instead of stdout.", rich_help_panel=_PANEL
    ),
]
_Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Write nothing: the exit code says it.", rich_help_panel=_PANEL
    ),
]
BundleFile = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="DIR|FILE.tar",
        help="Judge saved evidence instead; see `sp1tee evidence`.",
        rich_help_panel="Evidence",
    ),
]
"""Annotation of an option that every command on a host's evidence has."""

STDIN: Final = Path("-")
_ANY_HOST: Final = "Leave the host out to judge the evidence for what it is."
_WIDTH: Final = 100
_SECONDS_DIGITS: Final = 11
_LAST: Final = 253_402_300_799
"""The last second that RFC 3339 can write."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was typed.

    Attributes:
        policy: the policy that was named, if one was.
        at: the time to judge for, Unix seconds.
        offline: whether the network must not be touched.
        format: how to write the report.
        output: where to; None: stdout.
        quiet: whether the exit code is all that is wanted.
    """

    policy: "LoadedPolicy | None"
    at: int
    offline: bool
    format: Format
    output: Path | None
    quiet: bool

    def demanding(self, room: str, section: "Section") -> "Options":
        """Return these with what flags made of one section, so that the report says it."""
        if self.policy is None:
            return self
        named = self.policy.policy
        if section == (getattr(named, room) or type(section).model_validate({})):
            return self
        name = f"{named.name or self.policy.path.name}, changed by flags"
        changed = named.model_copy(update={room: section, "name": name})
        return replace(self, policy=replace(self.policy, policy=changed))


def options(
    *,
    policy: _PolicyFile = None,
    at: _At = None,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Fetch nothing: what is not there cannot be evaluated.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    report_format: _ReportFormat = "table",
    output: _Output = None,
    quiet: _Quiet = False,
) -> Options:
    """Read the shared options.

    Raises:
        PolicyError: the policy cannot be read.
        ConfigError: the time is none.
    """
    return Options(
        policy=None if policy is None else _policy(policy),
        at=_now() if at is None else moment(at),
        offline=offline,
        format=report_format,
        output=output,
        quiet=quiet,
    )


def options_without_network(
    *,
    policy: _PolicyFile = None,
    at: _At = None,
    report_format: _ReportFormat = "table",
    output: _Output = None,
    quiet: _Quiet = False,
) -> Options:
    """Read the shared options of a command that fetches nothing anyway; raises as `options`."""
    return options(
        policy=policy,
        at=at,
        offline=True,
        report_format=report_format,
        output=output,
        quiet=quiet,
    )


def _policy(path: Path) -> "LoadedPolicy":
    from sp1tee.verify.policy.reading import load_policy

    return load_policy(path)


def moment(text: str) -> int:
    """Read a time: Unix seconds, or RFC 3339 with its offset; raises `ConfigError`."""
    if text.isascii() and text.isdigit() and len(text) <= _SECONDS_DIGITS:
        return int(text)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None or not 0 <= read.timestamp() <= _LAST:
        raise ConfigError(
            f"{text!r} is no time.",
            advice="Write Unix seconds or RFC 3339, e.g. 2026-09-01T12:00:00Z.",
        )
    return int(read.timestamp())


def one_of(named: object, bundle: Path | None, what: str) -> None:
    """Demand that either something was named or a bundle; raises `ConfigError`."""
    if (named is None) == (bundle is None):
        raise ConfigError(
            f"Name {what}, or saved evidence with --bundle: one of them.",
            advice="`--help` shows examples.",
        )


def demand_host(bundle: "Bundle", typed: str | None, *, advice: str = _ANY_HOST) -> None:
    """Demand that saved evidence is about the host that was typed, if one was.

    Raises:
        ConfigError: it is about another one.
    """
    from sp1tee.cli.verify.sources import target

    about = bundle.manifest.target
    if typed is not None and target(typed, about.port) != (about.host, about.port):
        raise ConfigError(
            f"The evidence is about {about.host}:{about.port}, not about what was named.",
            advice=advice,
        )


def read(path: Path, limit: int) -> bytes:
    """Read a file that was named, or stdin for ``-``; see `read_file`."""
    return read_file(Path("/dev/stdin") if path == STDIN else path, limit)


def load(options: Options, path: Path) -> "Bundle":
    """Read saved evidence; if what is there is none, end the command with a report that says so.

    Raises:
        EvidenceFileError: there is nothing, or it cannot be read.
    """
    from sp1tee.verify.evidence import load_bundle
    from sp1tee.verify.evidence.rules import BUNDLE

    try:
        return load_bundle(path)
    except (BundleError, EvidenceTooLarge) as error:
        conclude(options, str(path), Findings((BUNDLE.unevaluable(error),)))


def about(options: Options, host: str) -> Findings:
    """Compare the host that was typed with those that the policy names, if it names any."""
    section = options.policy.policy.cert if options.policy else None
    if section is None or not section.hosts:
        return Findings()
    from sp1tee.verify.appraisal.origins import judge_host

    return Findings((judge_host(host, section.hosts, required=False),))


def conclude(
    options: Options,
    target: str,
    findings: Findings,
    inputs: Sequence[Input] = (),
    notes: Sequence[str] = (),
) -> NoReturn:
    """Judge findings, write the report and end the command with the verdict's exit code.

    Raises:
        EvidenceFileError: the report cannot be written.
    """
    from sp1tee.verify.conclusion import report_on

    report = report_on(
        target, findings, policy=options.policy, at=options.at, inputs=inputs, notes=notes
    )
    if not options.quiet:
        _write(report, options)
    raise typer.Exit(report.exit_code)


def _write(report: Report, options: Options) -> None:
    from sp1tee.verify.formats import render

    if options.output is not None:
        write_file(options.output, render(report, options.format, width=_WIDTH))
        return
    text = render(report, options.format, **_shape(sys.stdout))
    write_stdout(text if text.endswith("\n") else text + "\n")


def show(report: Report) -> None:
    """Write a report to stderr, for people, where stdout is for something else."""
    from sp1tee.verify.formats import render

    typer.echo(render(report, "table", **_shape(sys.stderr)), err=True)


class _Shape(TypedDict):
    width: int
    colour: bool


def _shape(stream: TextIO | None) -> _Shape:
    on_terminal = stream is not None and stream.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else _WIDTH
    return {"width": width, "colour": on_terminal and not _plain()}


def _plain() -> bool:
    """Tell whether somebody asked for no colour (no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
