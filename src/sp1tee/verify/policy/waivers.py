"""Waivers: what a policy puts up with, for a reason and for a time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.policy.model import WaiverPolicy

UNMET: Final = frozenset({Status.FAIL, Status.REFUSED, Status.UNEVALUABLE})
"""What can be waived."""


def apply(
    checks: Iterable[Check],
    waivers: Sequence[WaiverPolicy],
    on: date,
) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Waive what a policy waives.

    Args:
        checks: what was checked.
        waivers: the policy's.
        on: the day to judge for; a waiver counts on days before it expires.

    Returns:
        The checks, and what to say about waivers that did not do what they were written for.
    """
    checks = tuple(checks)
    judged = tuple(_judged(check, waivers, on) for check in checks)
    notes = (
        note
        for waiver in waivers
        if (note := _note(waiver, [c for c in checks if _names(waiver, c)], on))
    )
    return judged, tuple(notes)


def _judged(check: Check, waivers: Sequence[WaiverPolicy], on: date) -> Check:
    if check.status not in UNMET:
        return check
    naming = [waiver for waiver in waivers if _names(waiver, check)]
    counting = next((waiver for waiver in naming if on < waiver.expires), None)
    if counting is None:
        said = tuple(f"A waiver of this expired on {waiver.expires}." for waiver in naming)
        return replace(check, details=check.details + said)
    if not check.waivable:
        said = ("A waiver names this, but it cannot be waived: other checks rest on it.",)
        return replace(check, details=check.details + said)
    waiver = f"{counting.reason} (expires {counting.expires})"
    return replace(check, status=Status.WAIVED, waiver=waiver)


def _names(waiver: WaiverPolicy, check: Check) -> bool:
    return fnmatchcase(check.id, waiver.check) and fnmatchcase(check.subject, waiver.subject)


def _note(waiver: WaiverPolicy, named: list[Check], on: date) -> str:
    """Say why a waiver did not do what it was written for; empty if it did."""
    unmet = [check for check in named if check.status in UNMET]
    if not named:
        return f"{_title(waiver)} names no check."
    if not unmet:
        return f"{_title(waiver)} is not needed: nothing that it names went wrong."
    if on >= waiver.expires:
        return f"{_title(waiver)} expired on {waiver.expires} and does not count."
    kept = list(dict.fromkeys(check.id for check in unmet if not check.waivable))
    return f"{_title(waiver)} does not reach {', '.join(kept)}." if kept else ""


def _title(waiver: WaiverPolicy) -> str:
    subject = "" if waiver.subject == "*" else f" on {waiver.subject}"
    return f"The waiver of {waiver.check}{subject}"
