"""A quote judged: first whether it is genuine, then whether it is acceptable."""

from collections.abc import Iterator

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.policy.model import QuotePolicy
from sp1tee.verify.quote import rules
from sp1tee.verify.quote.attributes import judge_attributes
from sp1tee.verify.quote.dcap import Rejection
from sp1tee.verify.quote.examining import QuoteFacts
from sp1tee.verify.quote.genuineness import judge_file, judge_verification
from sp1tee.verify.quote.layout import Layout, TdReport
from sp1tee.verify.quote.listing import list_facts
from sp1tee.verify.quote.platform_policy import judge_platform
from sp1tee.verify.quote.report_data import judge_report_data


def unreadable(error: VerifyError) -> Findings:
    """Make the findings of a quote that `read_quote` could not read."""
    return Findings((rules.FORMAT.unevaluable(error),))


def judge(
    facts: QuoteFacts, policy: QuotePolicy, *, report_data: bytes | None, required: bool
) -> Findings:
    """Judge a quote.

    Of a quote that is not genuine only what contradicts is told: nothing in it counts for
    anything, so nothing of it passes.

    Args:
        facts: from `examine`.
        policy: what is acceptable.
        report_data: the 64 bytes that the guest must have signed, if they are known.
        required: whether they must be known.
    """
    return Findings(tuple(_checks(facts, policy, report_data, required)), list_facts(facts))


def _checks(
    facts: QuoteFacts, policy: QuotePolicy, report_data: bytes | None, required: bool
) -> Iterator[Check]:
    yield from judge_file(facts)
    if not isinstance(facts.layout, Layout) or not facts.layout.is_tdx or facts.report is None:
        return
    yield from judge_verification(facts)
    yield from _of_report(facts, facts.report)
    yield from judge_platform(facts, policy)
    yield from judge_report_data(facts, facts.report, report_data, required=required)


def _of_report(facts: QuoteFacts, report: TdReport) -> Iterator[Check]:
    """Judge the report; a rule that verification broke off at has been told already."""
    told = rules.OF_FAULT[facts.outcome.fault] if isinstance(facts.outcome, Rejection) else None
    for check in judge_attributes(report, facts.anchor):
        if facts.genuine or (check.status is Status.FAIL and (told is None or check.id != told.id)):
            yield check
