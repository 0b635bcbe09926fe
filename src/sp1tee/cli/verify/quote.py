"""`sp1tee verify quote`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.cli.verify.quoted import read_given, verified
from sp1tee.errors import ConfigError, EvidenceMalformed, VerifyError

if TYPE_CHECKING:
    from sp1tee.verify.policy.model import QuotePolicy

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
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The quote: raw, hex, or JSON of any guest agent; - for stdin."
        ),
    ] = None,
    bundle: common.BundleFile = None,
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
    from sp1tee.verify.quote import INTEL, judge, unreadable

    policy = _policy(options, accept_tcb or ())
    options = options.demanding("quote", policy)
    wanted = None if report_data is None else _report_data(report_data)
    common.one_of(file, bundle, "a quote")
    if bundle is not None:
        _on_bundle(bundle, options, policy, root, wanted)
    given, inputs = read_given(file or common.STDIN)
    if isinstance(given, VerifyError):
        common.conclude(options, str(file), unreadable(given), inputs)
    facts = verified(given, options, inputs, collateral, pccs, root=root)
    findings = judge(facts, policy, report_data=wanted, required=False)
    notes = (_NO_DATE,) if facts.anchor == INTEL else (_NO_DATE, _NOT_INTEL)
    common.conclude(options, str(file), findings, inputs, notes)


def _on_bundle(
    bundle: Path,
    options: common.Options,
    policy: "QuotePolicy",
    root: Path | None,
    wanted: bytes | None,
) -> NoReturn:
    from sp1tee.cli.verify.appraising import conclude_on

    if wanted is not None:
        raise ConfigError(
            "--report-data is not for saved evidence.",
            advice="Its own sha256sum.txt says what must have been signed.",
        )
    conclude_on(bundle, options, {"quote": policy}, quote_root=root)


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
