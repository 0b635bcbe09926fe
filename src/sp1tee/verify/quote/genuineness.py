"""Is it a TDX guest's quote, whole, and signed up to the root?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify.checks import Check, Rule
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.quote import rules
from sp1tee.verify.quote.attributes import REMEDY
from sp1tee.verify.quote.collateral import Collateral
from sp1tee.verify.quote.dcap import Claims, Rejection
from sp1tee.verify.quote.examining import QuoteFacts
from sp1tee.verify.quote.faults import Fault
from sp1tee.verify.quote.layout import Layout
from sp1tee.verify.reading import from_hex

SGX: Final = 0
_NOTHING_COUNTS: Final = (
    "Before this holds, nothing that the quote says counts, so none of it passes."
)
_STEPS: Final = (
    (rules.EXPIRED, "Everything that was used is still valid."),
    (rules.FUTURE, "Everything that was used had been issued."),
    (rules.REVOKED, "Neither the machine's certificate nor any above it was revoked."),
    (rules.CHAIN, "Every chain ends at the root."),
    (rules.COLLATERAL_SIGNATURE, "TCB info and QE identity are signed."),
    (rules.OTHER_PLATFORM, "The TCB info is for the machine's family."),
    (rules.QE_SIGNATURE, "The machine's key vouches for the quoting enclave and its key."),
    (rules.QE_IDENTITY, "The quoting enclave has the published identity."),
    (rules.SIGNATURE, "The quoting enclave signed header and report."),
    (rules.LEVEL, "The platform, its TDX module and its quoting enclave are at known levels."),
    (rules.LEVEL_REVOKED, "The level is not revoked."),
)
_ANEW: Final = "Fetch quote and collateral anew; if it stays so, do not trust this machine."
_IN_TIME: Final = {
    Fault.EXPIRED: "something that it rests on has expired",
    Fault.FUTURE: "something that it rests on is not valid yet",
}
_REMEDIES: Final = {
    Fault.EXPIRED: "Fetch the collateral anew, or judge for a time at which it was valid (--at).",
    Fault.FUTURE: "Check this machine's clock, or judge for a time at which it was valid (--at).",
    Fault.REVOKED: "Do not trust this machine: ask its operator for another one.",
    Fault.OTHER_PLATFORM: "Give this family's collateral, or leave it out to fetch it.",
    Fault.SIGNATURE: "Ask for the quote anew; a simulator's never verifies.",
    Fault.DEBUG: REMEDY,
    Fault.ATTRIBUTES: REMEDY,
    Fault.SEPT_VE: REMEDY,
    Fault.MIGRATABLE: REMEDY,
    Fault.SERVICE_TD: REMEDY,
    Fault.NO_LEVEL: "Have the operator update the machine.",
    Fault.LEVEL_REVOKED: "Do not trust this machine until its operator has updated it.",
    Fault.UNKNOWN: "Report the message together with the quote.",
}


def judge_file(facts: QuoteFacts) -> Iterator[Check]:
    """Judge what the file holds."""
    layout = facts.layout
    if isinstance(layout, VerifyError):
        yield rules.FORMAT.unevaluable(layout)
        return
    version = layout.header.version
    yield rules.FORMAT.passes(f"A quote of version {version}, {layout.size} bytes.")
    yield _type(layout)
    if layout.is_tdx:
        yield _tail(layout)
        yield from _claims(facts)


def judge_verification(facts: QuoteFacts) -> Iterator[Check]:
    """Judge every step between the quote and the root."""
    if isinstance(facts.collateral, VerifyError):
        yield rules.COLLATERAL.unevaluable(facts.collateral, details=(_NOTHING_COUNTS,))
    elif isinstance(facts.platform, VerifyError):
        yield rules.CHAIN.unevaluable(facts.platform, details=(_NOTHING_COUNTS,))
    elif isinstance(facts.outcome, Rejection):
        yield _rejected(facts, facts.outcome, facts.collateral)
    elif isinstance(facts.outcome, Claims):
        yield _collateral(facts, facts.collateral)
        anchors = (facts.anchor,)
        yield from (rule.passes(summary, anchors=anchors) for rule, summary in _STEPS)
        yield rules.VERIFIED.passes(f"It verifies up to {facts.anchor}.", anchors=anchors)


def _type(layout: Layout) -> Check:
    header = layout.header
    found = f"version {header.version}, TEE type {header.tee_type:#x}, {layout.body}"
    if layout.is_tdx:
        return rules.TYPE.passes(f"A TDX guest's quote with a {layout.body}.", actual=found)
    summary = (
        "It is an SGX enclave's quote."
        if header.tee_type == SGX
        else "It is not a quote that a TDX guest gets."
    )
    expected = "version 4 or 5, TEE type 0x81, TD report 1.0 or 1.5"
    remedy = "Give the quote that the guest's own agent handed out."
    return rules.TYPE.fails(summary, expected=expected, actual=found, remedy=remedy)


def _tail(layout: Layout) -> Check:
    if layout.tail_is_zero:
        return rules.TAIL.passes(
            f"{layout.tail} zeros follow it." if layout.tail else "Nothing follows it."
        )
    return rules.TAIL.fails(
        f"Of the {layout.tail} bytes that follow the quote, some are not zero.",
        expected="zeros, or nothing",
        actual="other bytes, which nobody signed",
        remedy="Find out who put them there; nothing in them was looked at.",
    )


def _claims(facts: QuoteFacts) -> Iterator[Check]:
    claims = facts.claims
    if not claims.keys() & {"report_data", "hash_algorithm", "prefix"}:
        return
    wrong = [
        name
        for name, accepted in (("hash_algorithm", (None, "", "raw")), ("prefix", (None, "")))
        if claims.get(name) not in accepted
    ]
    if claims.get("report_data") and not _says_report_data(facts):
        wrong.append("report_data")
    if not wrong:
        yield rules.CLAIMS.passes("What the file says beside the quote agrees with it.")
        return
    yield rules.CLAIMS.fails(
        f"The file's {' and '.join(wrong)} do not fit the quote.",
        expected="the quote's own report data, quoted raw",
        actual=", ".join(wrong),
        remedy="Ask the guest agent for a raw quote; believe the quote, not the file.",
    )


def _says_report_data(facts: QuoteFacts) -> bool:
    try:
        said = from_hex(facts.claims["report_data"], "report_data")
    except EvidenceMalformed:
        return False
    return facts.report is None or said == facts.report.report_data


def _rejected(facts: QuoteFacts, rejection: Rejection, collateral: Collateral) -> Check:
    rule: Rule = rules.OF_FAULT[rejection.fault]
    about_time = rejection.fault in {Fault.EXPIRED, Fault.FUTURE}
    return rule.fails(
        f"The quote does not verify: {_IN_TIME.get(rejection.fault, rejection.text)}.",
        expected=f"valid at {rfc3339(facts.at)}" if about_time else None,
        actual=_window(collateral) if about_time else rejection.text,
        remedy=_REMEDIES.get(rejection.fault, _ANEW),
        details=(
            *((f"dcap-qvl says: {rejection.text}",) if about_time else ()),
            *(f"{each}." for each in facts.shortfalls),
            _NOTHING_COUNTS,
        ),
        anchors=(facts.anchor,),
    )


def _collateral(facts: QuoteFacts, collateral: Collateral) -> Check:
    others = "It was collected for another machine, whose certificate was left aside."
    return rules.COLLATERAL.passes(
        f"Issued {_day(collateral.issued)}, to be replaced by {_day(collateral.next_update)}; "
        f"judged for {rfc3339(facts.at)}.",
        details=(others,) if facts.collateral_of_another else (),
    )


def _window(collateral: Collateral) -> str:
    spans = collateral.spans.values()
    begin, end = max(span.issued for span in spans), min(span.next_update for span in spans)
    return f"statements and lists of {begin:%Y-%m-%dT%H:%M:%SZ} to {end:%Y-%m-%dT%H:%M:%SZ}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
