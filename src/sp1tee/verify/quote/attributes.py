"""The fields of a TD report that say how the guest was built, bit by bit.

DCAP verification refuses most of this too; it is asked again, because it is what the guest's
secrecy rests on and a library may change its mind. Bits: ATTRIBUTES of
TD_PARAMS, Intel TDX module ABI specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.verify.checks import Check, Rule
from sp1tee.verify.quote import rules
from sp1tee.verify.quote.layout import TdReport

DEBUG: Final = 1 << 0
SEPT_VE_DISABLE: Final = 1 << 28
MIGRATABLE: Final = 1 << 29
HARMLESS: Final = 1 << 27 | 1 << 30 | 1 << 31 | 1 << 63
"""LASS, PKS, key locker and performance monitoring: what the guest may use, not the host."""

REMEDY: Final = "Have the operator start the guest otherwise; until then, do not trust it."
_KNOWN: Final = DEBUG | SEPT_VE_DISABLE | MIGRATABLE | HARMLESS


@dataclass(frozen=True, slots=True)
class _Demand:
    """What a field must be, and what to say if it is and if it isn't."""

    rule: Rule
    holds: bool
    well: str
    ill: str
    expected: str
    actual: bytes


def judge_attributes(report: TdReport, anchor: str) -> Iterator[Check]:
    """Judge how a guest was built."""
    for demand in (*_bits(report.td_attributes), *_zeros(report)):
        yield _judged(demand, anchor)
    yield _owner(report, anchor)


def _bits(field: bytes) -> Iterator[_Demand]:
    bits = int.from_bytes(field, "little")
    odd = bits & ~_KNOWN
    yield _Demand(
        rules.DEBUG,
        holds=not bits & DEBUG,
        well="Debugging is off.",
        ill="The guest can be debugged: the host reads its memory.",
        expected="bit 0 clear",
        actual=field,
    )
    yield _Demand(
        rules.ATTRIBUTES,
        holds=not odd,
        well="Only known attributes are set.",
        ill=f"Reserved attributes are set: {odd:#x}.",
        expected="reserved bits clear",
        actual=field,
    )
    yield _Demand(
        rules.SEPT_VE,
        holds=bool(bits & SEPT_VE_DISABLE),
        well="SEPT_VE_DISABLE is set.",
        ill="SEPT_VE_DISABLE is not set.",
        expected="bit 28 set",
        actual=field,
    )
    yield _Demand(
        rules.MIGRATABLE,
        holds=not bits & MIGRATABLE,
        well="It cannot be moved.",
        ill="The guest can be moved to another machine.",
        expected="bit 29 clear",
        actual=field,
    )


def _zeros(report: TdReport) -> Iterator[_Demand]:
    seam = report.mr_signer_seam + report.seam_attributes
    yield _Demand(
        rules.SEAM,
        holds=not any(seam),
        well="Intel signed the TDX module, and it has no special attributes.",
        ill="Somebody else signed the TDX module, or it has special attributes.",
        expected="zeros",
        actual=seam,
    )
    service = report.mr_service_td or b""
    yield _Demand(
        rules.SERVICE_TD,
        holds=not any(service),
        well="None is bound.",
        ill="A service guest is bound to it.",
        expected="zeros",
        actual=service,
    )


def _judged(demand: _Demand, anchor: str) -> Check:
    if demand.holds:
        return demand.rule.passes(demand.well, anchors=(anchor,))
    return demand.rule.fails(
        demand.ill,
        expected=demand.expected,
        actual=demand.actual.hex(),
        remedy=REMEDY,
        anchors=(anchor,),
    )


def _owner(report: TdReport, anchor: str) -> Check:
    owner = report.mr_owner + report.mr_owner_config
    if not any(owner):
        return rules.OWNER.passes("Both are zero.", anchors=(anchor,))
    return rules.OWNER.refuses(
        "The host wrote into mr_owner or mr_owner_config.",
        expected="zeros",
        actual=owner.hex(),
        remedy="Ask the operator what it is for, and waive the check if the answer is good.",
        anchors=(anchor,),
    )
