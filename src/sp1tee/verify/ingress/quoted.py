"""Comparing evidence files with a quote that nobody has verified."""

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.ingress import rules
from sp1tee.verify.ingress.examination import IngressFacts


def judge_unverified(facts: IngressFacts, stated: bytes | VerifyError | None) -> Findings:
    """Compare the report data that stands in a quote; never says that the quote is genuine.

    Args:
        facts: what the evidence files say.
        stated: the quote's 64 bytes of report data, why they can't be read, or None: no quote.
    """
    vouched = rules.GENUINE.skips(
        "The quote was not verified: all that the evidence says is claimed, and a certificate "
        "that matches it proves nothing by itself.",
        remedy=f"Verify all of it: sp1tee verify all {facts.host} --policy FILE",
    )
    return Findings((_stated(facts, stated), vouched))


def _stated(facts: IngressFacts, stated: bytes | VerifyError | None) -> Check:
    wanted = facts.report_data
    if stated is None:
        return rules.STATED.unevaluable(
            "There is no quote among the evidence files.",
            remedy="Fetch the evidence again; an ingress without quote.json vouches for nothing.",
        )
    if isinstance(stated, VerifyError):
        return rules.STATED.unevaluable(stated)
    if wanted is None:
        return rules.STATED.unevaluable("There is no list that the quote could state.")
    if stated == wanted:
        return rules.STATED.passes(
            "The report data that stands in the unverified quote is these files'.",
            actual=stated.hex(),
        )
    return rules.STATED.fails(
        "The quote states other evidence files.",
        expected=wanted.hex(),
        actual=stated.hex(),
        remedy="Fetch evidence and quote together, anew; if they differ again, trust neither.",
    )
