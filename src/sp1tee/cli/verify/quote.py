"""`sp1tee verify quote`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.errors import (
    ConfigError,
    EvidenceMalformed,
    EvidenceMissing,
    EvidenceTooLarge,
    FetchError,
    VerifyError,
)
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.policy.model import QuotePolicy
    from sp1tee.verify.quote import QuoteInput

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

REPORT_DATA_SIZE: Final = 64
_EVIDENCE: Final = "Evidence"
_NO_DATE: Final = "A quote has no date: it says that a guest signed this, not when."
_NOT_INTEL: Final = "The root was given: this says nothing about Intel's machines."


@app.command(
    epilog=examples(
        "sp1tee verify quote quote.json --report-data 5f0c…0000",
        "sp1tee verify quote quote.bin --collateral collateral.json --at 2026-09-01T12:00:00Z",
        "sp1tee verify quote quote.hex --accept-tcb SWHardeningNeeded --format json",
    )
)
@assembled
def quote(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The quote: raw, hex, or JSON of any guest agent; - for stdin."
        ),
    ],
    options: Annotated[common.Options, common.options],
    collateral: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Intel's statements about the platform, instead of fetching them.",
            rich_help_panel=_EVIDENCE,
        ),
    ] = None,
    pccs: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Fetch them here instead of at Intel.", rich_help_panel=_EVIDENCE
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Trust this certificate instead of Intel's root. For rehearsals only.",
            rich_help_panel=_EVIDENCE,
        ),
    ] = None,
    report_data: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The 64 bytes that the guest must have signed."),
    ] = None,
    accept_tcb: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATUS", help="Accept this TCB status too, e.g. OutOfDate. Repeatable."
        ),
    ] = None,
) -> None:
    """Check that a genuine, up-to-date Intel TDX guest signed exactly this.

    The quote is verified up to Intel's root, and its platform, attributes and report data are
    judged. A quote has no date, and says nothing about which software the guest runs: see
    `verify rtmr3` and `verify all` for that.
    """
    from sp1tee.verify.quote import examine, judge, unreadable

    policy = _policy(options, accept_tcb or ())
    wanted = None if report_data is None else _report_data(report_data)
    anchor = _root(options, root)
    given, inputs = _quote(file)
    if isinstance(given, VerifyError):
        common.conclude(options, str(file), unreadable(given), inputs)
    supplied = _collateral(options, given, collateral, pccs)
    if isinstance(supplied, bytes):
        inputs.append(Input("collateral", supplied))
    facts = examine(given.raw, supplied, at=options.at, root=anchor, claims=given.claims)
    findings = judge(facts, policy, report_data=wanted, required=False)
    notes = (_NO_DATE,) if anchor is None else (_NO_DATE, _NOT_INTEL)
    common.conclude(options, str(file), findings, inputs, notes)


def _quote(file: Path) -> "tuple[QuoteInput | VerifyError, list[Input]]":
    """Read the quote; a file that is there and holds none is part of the verdict."""
    from sp1tee.verify.quote import FILE_LIMIT, read_quote

    inputs: list[Input] = []
    try:
        data = common.read(file, FILE_LIMIT)
        inputs.append(Input("quote", data))
        return read_quote(data), inputs
    except (EvidenceMissing, EvidenceMalformed, EvidenceTooLarge) as error:
        return error, inputs


def _policy(options: common.Options, accepted: Sequence[str]) -> "QuotePolicy":
    from pydantic import ValidationError

    from sp1tee.verify.policy.model import QuotePolicy

    named = options.policy.policy.quote if options.policy else None
    base = named or QuotePolicy.model_validate({})
    try:
        return QuotePolicy.model_validate(
            {**base.model_dump(), "tcb_status": tuple(dict.fromkeys((*base.tcb_status, *accepted)))}
        )
    except ValidationError:
        raise ConfigError(
            "--accept-tcb names a status that there is not.",
            advice="There are UpToDate, SWHardeningNeeded, ConfigurationNeeded, "
            "ConfigurationAndSWHardeningNeeded, OutOfDate and OutOfDateConfigurationNeeded.",
        ) from None


def _report_data(text: str) -> bytes:
    from sp1tee.verify.reading import from_hex

    try:
        return from_hex(text, "--report-data", size=REPORT_DATA_SIZE)
    except EvidenceMalformed as error:
        raise ConfigError(
            str(error),
            advice="Give all 64 bytes; evidence of dstack-ingress is signed as its SHA-256 and "
            "32 zero bytes.",
        ) from None


def _root(options: common.Options, root: Path | None) -> bytes | None:
    from sp1tee.verify.quote import read_root
    from sp1tee.verify.reading.files import KIB

    named = root or (options.policy.policy.anchors.quote_root if options.policy else None)
    if named is None:
        return None
    try:
        return read_root(common.read(named, 64 * KIB))
    except EvidenceMalformed as error:
        raise ConfigError(str(error), advice="Leave it out to use Intel's.") from None


def _collateral(
    options: common.Options, given: "QuoteInput", file: Path | None, pccs: str | None
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

    cache = CollateralCache()
    return fetch_collateral(platform(given.raw), at=at, source=pccs or INTEL, cache=cache)
