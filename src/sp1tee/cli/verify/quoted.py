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
    from sp1tee.verify.policy.model import QuotePolicy
    from sp1tee.verify.quote import QuoteFacts, QuoteInput

_PANEL: Final = "Quote"
_ROOT_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class QuoteSource:
    """What was typed.

    Attributes:
        file: the quote; None if it comes with saved evidence.
        collateral: Intel's statements about its platform; None: fetched.
        pccs: where to fetch them; None: at Intel.
        trusted: whether the quote was verified elsewhere.
    """

    file: Path | None
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
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The quote: raw, hex, or JSON of any guest agent; - for stdin.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
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
    from sp1tee.verify.quote import examine, unreadable

    given, inputs = read_given(source.file or common.STDIN)
    if isinstance(given, VerifyError):
        return Quoted(given, findings=unreadable(given), inputs=tuple(inputs))
    if source.trusted:
        return Quoted(given, examine(given.raw, None, at=options.at), inputs=tuple(inputs))
    facts = verified(given, options, inputs, source.collateral, source.pccs)
    return Quoted(given, facts, _judged(facts, options), tuple(inputs))


def read_given(file: Path) -> "tuple[QuoteInput | VerifyError, list[Input]]":
    """Read a quote; a file that is there and holds none is part of the verdict.

    Raises:
        EvidenceFileError: there is no such file.
    """
    from sp1tee.verify.quote import FILE_LIMIT, read_quote

    inputs: list[Input] = []
    try:
        data = common.read(file, FILE_LIMIT)
        inputs.append(Input("quote", data))
        return read_quote(data), inputs
    except (EvidenceMissing, EvidenceMalformed, EvidenceTooLarge) as error:
        return error, inputs


def verified(
    given: "QuoteInput",
    options: common.Options,
    inputs: list[Input],
    collateral: Path | None,
    pccs: str | None,
    *,
    root: Path | None = None,
) -> "QuoteFacts":
    """Verify a quote by collateral of a file or of Intel; what was read is added to `inputs`.

    Raises:
        EvidenceFileError: a file that was named cannot be read.
        ConfigError: the root is none.
    """
    from sp1tee.verify.quote import examine

    anchor = _root(options, root)
    supplied = _collateral(given, options, collateral, pccs)
    if isinstance(supplied, bytes):
        inputs.append(Input("collateral", supplied))
    return examine(given.raw, supplied, at=options.at, root=anchor, claims=given.claims)


def quote_policy(options: common.Options) -> "QuotePolicy":
    """Return what is demanded of quotes: the policy's word, or the defaults."""
    from sp1tee.verify.policy.model import QuotePolicy

    named = options.policy.policy.quote if options.policy else None
    return named or QuotePolicy.model_validate({})


def _judged(facts: "QuoteFacts", options: common.Options) -> Findings:
    from sp1tee.verify.quote import judge

    return judge(facts, quote_policy(options), report_data=None, required=False)


def _root(options: common.Options, root: Path | None) -> bytes | None:
    from sp1tee.verify.quote import read_root

    named = root or (options.policy.policy.anchors.quote_root if options.policy else None)
    if named is None:
        return None
    try:
        return read_root(common.read(named, _ROOT_LIMIT))
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(str(error), advice="Leave it out to use Intel's.") from None


def _collateral(
    given: "QuoteInput", options: common.Options, file: Path | None, pccs: str | None
) -> bytes | VerifyError | None:
    """Read the collateral or fetch it; what keeps it from being there is part of the verdict."""
    from sp1tee.verify.quote.collateral import LIMIT

    try:
        if file is not None:
            return common.read(file, LIMIT)
        return None if options.offline else _fetched(given, options.at, pccs)
    except (EvidenceMalformed, EvidenceTooLarge, FetchError) as error:
        return error


def _fetched(given: "QuoteInput", at: int, pccs: str | None) -> bytes:
    from sp1tee.verify.fetch.collateral import INTEL, fetch_collateral
    from sp1tee.verify.fetch.collateral_cache import CollateralCache
    from sp1tee.verify.quote.dcap import platform

    return fetch_collateral(
        platform(given.raw), at=at, source=pccs or INTEL, cache=CollateralCache()
    )
