"""`sp1tee verify rtmr3`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.key_provider import HELP, key_provider
from sp1tee.cli.verify import common
from sp1tee.cli.verify.quoted import Quoted, QuoteSource, quote_policy, quote_source, read_quoted
from sp1tee.errors import (
    ConfigError,
    EvidenceMalformed,
    EvidenceMissing,
    EvidenceTooLarge,
    VerifyError,
)
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.facts import Json
    from sp1tee.verify.policy.model import Rtmr3Policy
    from sp1tee.verify.rtmr3 import Rtmr3Facts

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_EVIDENCE: Final = "Evidence"
_ANYBODYS: Final = (
    "No application was named (--app-id): what passes is that the log is this guest's, whosever "
    "guest it is."
)
Pins = dict[str, object]


def pins(
    *,
    app_id: Annotated[str | None, typer.Option(metavar="HEX", help="The application.")] = None,
    compose_hash: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="An accepted one. Repeatable.")
    ] = None,
    os_image_hash: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="An accepted one. Repeatable.")
    ] = None,
    instance_id: Annotated[
        list[str] | None, typer.Option(metavar="HEX", help="An accepted one. Repeatable.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--key-provider", metavar="PROVIDER", help=HELP)
    ] = None,
    allow_event: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An event that the application may add. Repeatable."),
    ] = None,
) -> Pins:
    """Gather what was pinned, by the policy's field; raises `ConfigError`."""
    typed: Pins = {
        "app_id": app_id,
        "compose_hash": compose_hash,
        "os_image_hash": os_image_hash,
        "instance_id": instance_id,
        "allow_events": allow_event,
    }
    if provider is not None:
        read = key_provider(provider)
        typed["key_provider"] = {"name": read.name, "id": read.id.hex()}
    return {name: value for name, value in typed.items() if value is not None}


@app.command(
    epilog=examples(
        "sp1tee verify rtmr3 --quote quote.json --app-id 9b78…eb93",
        "sp1tee verify rtmr3 --quote quote.json --app-compose app-compose.json \\",
        "    --collateral collateral.json --at 2026-09-01T12:00:00Z",
        "# an event log of its own, of a quote that was verified before",
        "sp1tee verify rtmr3 --quote quote.hex --event-log tcb_info.json --trust-quote",
    )
)
@assembled
def rtmr3(
    *,
    source: Annotated[QuoteSource, quote_source],
    pins: Annotated[Pins, pins],
    event_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The event log, tcb_info.json or Info, if the quote's JSON has no log.",
            rich_help_panel=_EVIDENCE,
        ),
    ] = None,
    app_compose: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="An app-compose.json that must be the measured one, byte for byte.",
            rich_help_panel=_EVIDENCE,
        ),
    ] = None,
    bundle: common.BundleFile = None,
    options: Annotated[common.Options, common.options],
) -> None:
    """Check that the measured application is the one that was asked for.

    The event log is replayed from what it says was measured, and must give the RTMR3 of a quote
    that is verified too. Application, code, OS image, key provider and instance are then compared
    with what you pin. A guest of somebody else's making can measure the same: only the operating
    system's own measurements, which `verify all` looks up, rule that out.
    """
    from sp1tee.verify.rtmr3 import judge, unreadable

    policy = _policy(options, pins)
    options = options.demanding("rtmr3", policy)
    common.one_of(source.file, bundle, "a quote with --quote")
    if bundle is not None:
        from sp1tee.cli.verify.appraising import conclude_on

        conclude_on(bundle, options, {"quote": quote_policy(options), "rtmr3": policy})
    quoted = read_quoted(source, options)
    findings, inputs = quoted.findings + Findings(_trust(quoted, source)), list(quoted.inputs)
    try:
        facts = _facts(quoted, _event_log(quoted, event_log, inputs))
    except (EvidenceMissing, EvidenceMalformed, EvidenceTooLarge) as error:
        common.conclude(options, str(source.file), findings + unreadable(error), inputs)
    genuine = quoted.facts is not None and quoted.facts.genuine
    findings += judge(facts, policy, genuine=genuine, required=False, trusted=source.trusted)
    if app_compose is not None:
        believed = genuine or source.trusted
        findings += Findings((_app_compose(facts, app_compose, inputs, believed=believed),))
    common.conclude(
        options, str(source.file), findings, inputs, () if policy.app_id else (_ANYBODYS,)
    )


def _policy(options: common.Options, pins: Pins) -> "Rtmr3Policy":
    from pydantic import ValidationError

    from sp1tee.verify.policy.model import Rtmr3Policy

    named = options.policy.policy.rtmr3 if options.policy else None
    base = named or Rtmr3Policy.model_validate({})
    allowed = (*base.allow_events, *_texts(pins.get("allow_events")))
    try:
        return Rtmr3Policy.model_validate({**base.model_dump(), **pins, "allow_events": allowed})
    except ValidationError as error:
        flag = str(error.errors(include_url=False)[0]["loc"][0]).replace("_", "-")
        raise ConfigError(
            f"--{flag} is not hex of the right length.",
            advice="Application and instance have 20 bytes, hashes have 32.",
        ) from None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _trust(quoted: Quoted, source: QuoteSource) -> tuple[Check, ...]:
    """Say where the quote was verified."""
    from sp1tee.verify.rtmr3.rules import QUOTE

    if source.trusted:
        return (
            QUOTE.skips(
                "--trust-quote: that the quote is genuine was not checked here; it must have been "
                "verified elsewhere, or nothing below counts."
            ),
        )
    if quoted.facts is not None and quoted.facts.genuine:
        return (QUOTE.passes("The quote was verified here.", anchors=(quoted.facts.anchor,)),)
    return (QUOTE.unevaluable("The quote was not verified.", remedy="See the checks of quote."),)


def _event_log(quoted: Quoted, file: Path | None, inputs: list[Input]) -> "Json":
    from sp1tee.verify.reading import read_json
    from sp1tee.verify.rtmr3 import LIMIT, event_log_of

    if file is not None:
        data = common.read(file, LIMIT)
        inputs.append(Input("event-log", data))
        return event_log_of(read_json(data, "The event log's file", limit=LIMIT))
    if isinstance(quoted.given, VerifyError) or quoted.given.event_log is None:
        raise EvidenceMissing(
            "There is no event log beside the quote.",
            advice="Name one with --event-log: GetQuote's event_log, or tcb_info.json.",
        )
    return list(quoted.given.event_log)


def _facts(quoted: Quoted, log: "Json") -> "Rtmr3Facts":
    from sp1tee.verify.rtmr3 import examine, read_events

    events = read_events(log)
    report = None if quoted.facts is None else quoted.facts.report
    if report is None:
        raise EvidenceMalformed("The quote has no RTMR3 to compare the event log with.")
    return examine(events, report.rtmr3, boot=(report.rtmr0, report.rtmr1, report.rtmr2))


def _app_compose(facts: "Rtmr3Facts", file: Path, inputs: list[Input], *, believed: bool) -> Check:
    from sp1tee.verify.rtmr3 import APP_COMPOSE_LIMIT, judge_app_compose
    from sp1tee.verify.rtmr3.rules import APP_COMPOSE

    try:
        raw = common.read(file, APP_COMPOSE_LIMIT)
    except EvidenceTooLarge as error:
        return APP_COMPOSE.unevaluable(error)
    inputs.append(Input("app-compose", raw))
    return judge_app_compose(facts, raw, believed=believed)
