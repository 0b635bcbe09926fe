"""Is a genuine platform acceptable to its reader?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sp1tee.verify.checks import Check
from sp1tee.verify.policy.model import QuotePolicy
from sp1tee.verify.quote import rules
from sp1tee.verify.quote.collateral import Collateral
from sp1tee.verify.quote.dcap import Claims
from sp1tee.verify.quote.examining import QuoteFacts

_MEANINGS: Final = {
    "SWHardeningNeeded": "The guest's software must work around a weakness of the processor.",
    "ConfigurationNeeded": "The host's firmware must be configured otherwise, e.g. without SMT.",
    "ConfigurationAndSWHardeningNeeded": "Firmware and the guest's software must both change.",
    "OutOfDate": "The host lacks updates that close known holes.",
    "OutOfDateConfigurationNeeded": "The host lacks updates, and its firmware must change.",
}


def judge_platform(facts: QuoteFacts, policy: QuotePolicy) -> Iterator[Check]:
    """Judge a genuine quote's platform; of another quote nothing is said."""
    if not isinstance(facts.outcome, Claims) or not isinstance(facts.collateral, Collateral):
        return
    yield _status(facts, facts.outcome, policy)
    yield _advisories(facts.outcome, policy, facts.anchor)
    yield _age(facts, facts.collateral, policy)
    yield _evaluation(facts.outcome, policy, facts.anchor)
    yield _machine(facts.outcome, policy, facts.anchor)


def _status(facts: QuoteFacts, claims: Claims, policy: QuotePolicy) -> Check:
    status, anchors = claims.status, (facts.anchor,)
    accepted = " or ".join(policy.tcb_status)
    advisories = ", ".join(claims.advisories)
    details = (
        *(f"{each}." for each in facts.shortfalls),
        *((_MEANINGS[status],) if status in _MEANINGS else ()),
        *((f"Advisories that apply: {advisories}.",) if advisories else ()),
    )
    if status in policy.tcb_status:
        summary = f"The platform is {status}."
        return rules.STATUS.passes(
            summary, expected=accepted, actual=status, details=details, anchors=anchors
        )
    lines = ", ".join(f'"{each}"' for each in (*policy.tcb_status, status))
    return rules.STATUS.refuses(
        f"The platform is genuine, but {status}.",
        expected=accepted,
        actual=status,
        remedy="Have the operator update the machine. To put up with it: "
        f"`--accept-tcb {status}`, or in the policy: [quote] tcb_status = [{lines}]",
        details=details,
        anchors=anchors,
    )


def _advisories(claims: Claims, policy: QuotePolicy, anchor: str) -> Check:
    denied = [each for each in claims.advisories if each in policy.deny_advisories]
    shown = ", ".join(claims.advisories) or "none"
    if not denied:
        return rules.ADVISORIES.passes(f"Advisories: {shown}.", actual=shown, anchors=(anchor,))
    return rules.ADVISORIES.refuses(
        f"{', '.join(denied)} applies to the platform.",
        expected=f"none of {', '.join(policy.deny_advisories)}",
        actual=shown,
        remedy="See intel.com/security-center for what closes it.",
        anchors=(anchor,),
    )


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


def _age(facts: QuoteFacts, collateral: Collateral, policy: QuotePolicy) -> Check:
    now = datetime.fromtimestamp(facts.at, UTC)
    age, limit = now - collateral.issued, timedelta(days=policy.max_collateral_age_days)
    actual = f"issued {collateral.issued:%Y-%m-%d}, {_days(age.days)} before"
    expected = f"at most {_days(limit.days)} old"
    if age <= limit:
        return rules.AGE.passes(
            f"The oldest part is {_days(age.days)} old.", expected=expected, actual=actual
        )
    return rules.AGE.refuses(
        f"The oldest part is {_days(age.days)} old.",
        expected=expected,
        actual=actual,
        remedy="Fetch it anew: leave --collateral out.",
    )


def _evaluation(claims: Claims, policy: QuotePolicy, anchor: str) -> Check:
    number, least = claims.evaluation_number, policy.min_tcb_evaluation_data_number
    summary = f"The TCB evaluation data number is {number}."
    if number >= least:
        return rules.EVALUATION.passes(
            summary, expected=f"{least} or more", actual=str(number), anchors=(anchor,)
        )
    return rules.EVALUATION.refuses(
        summary,
        expected=f"{least} or more",
        actual=str(number),
        remedy="Fetch the collateral anew, from Intel itself if a PCCS lags behind.",
        anchors=(anchor,),
    )


def _machine(claims: Claims, policy: QuotePolicy, anchor: str) -> Check:
    ppid = claims.ppid.hex()
    if not policy.platforms:
        return rules.PLATFORM.skips(
            "Any machine that Intel vouches for is accepted; whose it is, and who can open its "
            "case, is not known.",
            actual=ppid,
            remedy=f'To accept this machine alone: [quote] platforms = ["{ppid}"]',
        )
    if ppid in policy.platforms:
        return rules.PLATFORM.passes("The policy names it.", actual=ppid, anchors=(anchor,))
    return rules.PLATFORM.refuses(
        "The policy does not name this machine.",
        expected=" or ".join(policy.platforms),
        actual=ppid,
        remedy="Find out whose machine it is before it is added to the policy.",
        anchors=(anchor,),
    )
