"""What all formats call things: statuses, verdicts, rooms, and how checks are grouped."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.report import Report
from sp1tee.verify.verdict import Verdict

SYMBOLS: Final = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.REFUSED: "!",
    Status.UNEVALUABLE: "?",
    Status.WAIVED: "~",
    Status.SKIPPED: "-",
}
WORST_FIRST: Final = (
    Status.FAIL,
    Status.REFUSED,
    Status.UNEVALUABLE,
    Status.WAIVED,
    Status.PASS,
    Status.SKIPPED,
)
"""Skipped is last: where something else was checked, it is that which counts."""
COUNTED: Final = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.REFUSED: "refused",
    Status.UNEVALUABLE: "not evaluable",
    Status.WAIVED: "waived",
    Status.SKIPPED: "skipped",
}
_SENTENCES: Final = {
    Verdict.PASS: "Everything that was checked holds",
    Verdict.FAIL: "The evidence contradicts what is claimed or demanded",
    Verdict.REFUSED: "Nothing is contradicted, but what was found is not acceptable",
    Verdict.UNEVALUABLE: "Something that is needed could not be checked",
}
OF_VERDICT: Final = {
    Verdict.PASS: Status.PASS,
    Verdict.FAIL: Status.FAIL,
    Verdict.REFUSED: Status.REFUSED,
    Verdict.UNEVALUABLE: Status.UNEVALUABLE,
}
"""The status that looks like a verdict."""
_ROOMS: Final = {
    "bundle": "Evidence bundle",
    "evidence": "Evidence bundle",
    "cert": "Certificate",
    "ingress": "Evidence files",
    "quote": "TDX quote",
    "rtmr3": "RTMR3 event log",
    "compose": "Compose files",
    "os": "OS image",
    "caa": "CAA records",
    "digests": "Image digests",
    "lint": "Before it is deployed",
    "proof": "Proof",
    "policy": "Policy",
}


@dataclass(frozen=True, slots=True)
class Room:
    """The checks of one room, in the report's order."""

    name: str
    checks: tuple[Check, ...]

    @property
    def title(self) -> str:
        """What people call it."""
        return _ROOMS.get(self.name, self.name)

    @property
    def worst(self) -> Status:
        """The worst status of its checks."""
        return worst(check.status for check in self.checks)


def rooms(report: Report) -> tuple[Room, ...]:
    """Group a report's checks by room, rooms in order of appearance."""
    grouped: dict[str, list[Check]] = {}
    for check in report.checks:
        grouped.setdefault(room_of(check), []).append(check)
    return tuple(Room(name, tuple(checks)) for name, checks in grouped.items())


def room_of(check: Check) -> str:
    """Return the first part of a check's id."""
    return check.id.partition(".")[0]


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of one or more statuses."""
    return min(statuses, key=WORST_FIRST.index)


def sentence(report: Report) -> str:
    """Say what a verdict means, and what it leaves open: no verdict is wider than its checks."""
    return f"{_SENTENCES[report.verdict]}{_proviso(report)}."


def _proviso(report: Report) -> str:
    seen = {check.status for check in report.checks}
    if report.verdict is Verdict.REFUSED and Status.UNEVALUABLE in seen:
        return ", and some of it could not be checked"
    if report.verdict is not Verdict.PASS:
        return ""
    waived = ", except for what is waived" if Status.WAIVED in seen else ""
    skipped = "; what was skipped is not known to" if Status.SKIPPED in seen else ""
    return waived + skipped


def spoilers(report: Report) -> tuple[Check, ...]:
    """Return what keeps the verdict from being a pass.

    Where something failed or was refused, what could not be evaluated is left out: most of it could
    not because of that, and the tally has its number.
    """
    open_ = report.verdict is Verdict.UNEVALUABLE
    decisive = {Status.UNEVALUABLE} if open_ else {Status.FAIL, Status.REFUSED}
    return tuple(check for check in report.checks if check.status in decisive)


def counts(report: Report) -> list[tuple[Status, int]]:
    """Count checks by status, the worst first, leaving out what there is none of."""
    counted = Counter(check.status for check in report.checks)
    return [(status, counted[status]) for status in WORST_FIRST if counted[status]]


def tally(report: Report) -> str:
    """Say how many checks ended how."""
    said = [f"{number} {COUNTED[status]}" for status, number in counts(report)]
    return " · ".join(said) or "nothing was checked"
