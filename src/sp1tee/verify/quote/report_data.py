"""Did the guest sign exactly what it had to?"""

from collections.abc import Iterator
from typing import Final

from sp1tee.verify.checks import Check
from sp1tee.verify.quote import rules
from sp1tee.verify.quote.examining import QuoteFacts
from sp1tee.verify.quote.layout import TdReport

SIZE: Final = 64
_HASH: Final = 32
_HOSTS: Final = ("mr_config_id", "mr_owner", "mr_owner_config")


def judge_report_data(
    facts: QuoteFacts, report: TdReport, wanted: bytes | None, *, required: bool
) -> Iterator[Check]:
    """Compare all 64 bytes; equal bytes in a quote that is not genuine are no pass."""
    found = report.report_data
    if wanted is None:
        yield _unknown(found, required=required)
    elif found != wanted:
        yield rules.REPORT_DATA.fails(
            "The guest signed something else."
            if facts.genuine
            else "Something else stands in the quote.",
            expected=wanted.hex(),
            actual=found.hex(),
            remedy="Fetch evidence and quote together, anew; if they differ again, trust neither.",
            details=tuple(_explain(facts, report, wanted)),
        )
    elif facts.genuine:
        yield rules.REPORT_DATA.passes(
            "All 64 bytes are as they should be.", actual=found.hex(), anchors=(facts.anchor,)
        )
    else:
        yield rules.REPORT_DATA.unevaluable(
            "The bytes stand in the quote, but the quote is not known to be genuine.",
            remedy="See the other checks of the quote.",
        )


def _unknown(found: bytes, *, required: bool) -> Check:
    remedy = "Say what must have been signed: --report-data HEX, 64 bytes."
    summary = (
        "What the guest should have signed was not said: the quote is not known to be about "
        "anything."
    )
    if required:
        return rules.REPORT_DATA.unevaluable(summary, actual=found.hex(), remedy=remedy)
    return rules.REPORT_DATA.skips(summary, actual=found.hex(), remedy=remedy)


def _explain(facts: QuoteFacts, report: TdReport, wanted: bytes) -> Iterator[str]:
    found, core = report.report_data, wanted[:_HASH]
    if found[:_HASH] == core:
        yield "The first 32 bytes are right; the last 32 are not."
        return
    for name in _HOSTS:
        if core in getattr(report, name):
            yield f"It stands in {name}, which the host chooses: that proves nothing."
    if core in facts.raw or core.hex().encode() in facts.raw:
        yield "It stands somewhere else among the quote's bytes, where the guest signed nothing."
