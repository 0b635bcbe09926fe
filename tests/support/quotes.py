"""Quotes of a synthetic Intel, and quotes judged."""

from collections.abc import Mapping
from typing import Any, Final

from sp1tee.sim.pki import Intel, Machine, Making, Offer, TdReport
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Json
from sp1tee.verify.policy.model import QuotePolicy
from sp1tee.verify.quote import QuoteFacts, examine, judge

AT: Final = 1_790_000_000
DAY: Final = 86400
INTEL: Final = Intel()
REPORT_DATA: Final = bytes.fromhex("5f" * 32) + bytes(32)
REPORT: Final = TdReport(report_data=REPORT_DATA)


def policy(**changes: Any) -> QuotePolicy:
    return QuotePolicy.model_validate(changes)


def examined(
    quote: bytes,
    offer: Offer | None = None,
    *,
    at: int = AT,
    claims: Mapping[str, Json] | None = None,
    pck_chain: Machine | None = None,
) -> QuoteFacts:
    """Examine a quote by the synthetic Intel's collateral."""
    collateral = INTEL.collateral(offer or Offer(at=AT), pck_chain=pck_chain)
    return examine(quote, collateral, at=at, root=INTEL.root_der, claims=claims)


def judged(
    facts: QuoteFacts,
    demands: QuotePolicy | None = None,
    *,
    report_data: bytes | None = REPORT_DATA,
    required: bool = True,
) -> Findings:
    return judge(facts, demands or policy(), report_data=report_data, required=required)


def quoted(report: TdReport = REPORT, how: Making | None = None, **options: Any) -> bytes:
    return INTEL.quote(report, how or Making(), **options)


def by_id(findings: Findings) -> dict[str, Check]:
    """Sort checks by their rule; each rule is told at most once."""
    checks = {check.id: check for check in findings.checks}
    assert len(checks) == len(findings.checks)
    return checks


def statuses(findings: Findings, status: Status) -> set[str]:
    return {check.id for check in findings.checks if check.status is status}


def failed(findings: Findings) -> set[str]:
    return statuses(findings, Status.FAIL)
