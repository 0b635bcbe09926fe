"""A quote that another check rests on: read, and verified unless that was done elsewhere."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.verify import common
from sp1tee.errors import (
    ConfigError,
    EvidenceMalformed,
    EvidenceMissing,
    EvidenceTooLarge,
    FetchError,
    VerifyError,
)
from sp1tee.verify.checks import Findings
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.quote import QuoteFacts, QuoteInput

_PANEL: Final = "Quote"
_ROOT_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class QuoteSource:
    """What was typed.

    Attributes:
        file: the quote.
        collateral: Intel's statements about its platform; None: fetched.
        pccs: where to fetch them; None: at Intel.
        trusted: whether the quote was verified elsewhere.
    """

    file: Path
    collateral: Path | None
    pccs: str | None
    trusted: bool


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote that was read.

    Attributes:
        given: it, or why there is none.
        facts: what is known of it; None if there is none.
        findings: what its verification found; empty if it was not verified here.
        inputs: what was read.
    """

    given: "QuoteInput | VerifyError"
    facts: "QuoteFacts | None" = None
    findings: Findings = field(default_factory=Findings)
    inputs: tuple[Input, ...] = ()


def quote_source(
    *,
    quote: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The quote: raw, hex, or JSON of any guest agent; - for stdin.",
            rich_help_panel=_PANEL,
        ),
    ],
    collateral: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Intel's statements about the platform, instead of fetching them.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    pccs: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Fetch them here instead of at Intel.", rich_help_panel=_PANEL
        ),
    ] = None,
    trust_quote: Annotated[
        bool,
        typer.Option(
            "--trust-quote",
            help="The quote was verified elsewhere: don't verify it, and say so.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
) -> QuoteSource:
    """Choose the quote; raises `ConfigError`."""
    if trust_quote and (collateral is not None or pccs is not None):
        raise ConfigError(
            "With --trust-quote nothing is verified that --collateral or --pccs could help with.",
            advice="Leave out one or the other.",
        )
    return QuoteSource(quote, collateral, pccs, trust_quote)


def read_quoted(source: QuoteSource, options: common.Options) -> Quoted:
    """Read the quote, and verify it unless it is trusted.

    Raises:
        EvidenceFileError: a file that was named cannot be read.
        ConfigError: the policy names a root that is none.
    """
    from sp1tee.verify.quote import FILE_LIMIT, examine, read_quote, unreadable

    inputs: list[Input] = []
    try:
        data = common.read(source.file, FILE_LIMIT)
        inputs.append(Input("quote", data))
        given = read_quote(data)
    except (EvidenceMissing, EvidenceMalformed, EvidenceTooLarge) as error:
        return Quoted(error, findings=unreadable(error), inputs=tuple(inputs))
    if source.trusted:
        return Quoted(given, examine(given.raw, None, at=options.at), inputs=tuple(inputs))
    supplied = _collateral(source, given, options)
    if isinstance(supplied, bytes):
        inputs.append(Input("collateral", supplied))
    facts = examine(given.raw, supplied, at=options.at, root=_root(options), claims=given.claims)
    return Quoted(given, facts, _judged(facts, options), tuple(inputs))


def _judged(facts: "QuoteFacts", options: common.Options) -> Findings:
    from sp1tee.verify.policy.model import QuotePolicy
    from sp1tee.verify.quote import judge

    named = options.policy.policy.quote if options.policy else None
    return judge(facts, named or QuotePolicy.model_validate({}), report_data=None, required=False)


def _root(options: common.Options) -> bytes | None:
    from sp1tee.verify.quote import read_root

    named = options.policy.policy.anchors.quote_root if options.policy else None
    if named is None:
        return None
    try:
        return read_root(common.read(named, _ROOT_LIMIT))
    except EvidenceMalformed as error:
        raise ConfigError(str(error), advice="Leave it out to use Intel's.") from None


def _collateral(
    source: QuoteSource, given: "QuoteInput", options: common.Options
) -> bytes | VerifyError | None:
    """Read the collateral or fetch it; what keeps it from being there is part of the verdict."""
    from sp1tee.verify.quote.collateral import LIMIT

    try:
        if source.collateral is not None:
            return common.read(source.collateral, LIMIT)
        return None if options.offline else _fetched(source, given, options.at)
    except (EvidenceMalformed, EvidenceTooLarge, FetchError) as error:
        return error


def _fetched(source: QuoteSource, given: "QuoteInput", at: int) -> bytes:
    from sp1tee.verify.fetch.collateral import INTEL, fetch_collateral
    from sp1tee.verify.fetch.collateral_cache import CollateralCache
    from sp1tee.verify.quote.dcap import platform

    return fetch_collateral(
        platform(given.raw), at=at, source=source.pccs or INTEL, cache=CollateralCache()
    )
