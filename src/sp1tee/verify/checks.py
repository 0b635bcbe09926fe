"""Rules, and what became of them: checks.

A rule is one thing that has to hold, with an id, a code and the reason it is asked for. Applied to
evidence it becomes a check, whose status is one of `Status`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from typing_extensions import Unpack

from sp1tee.errors import VerifyError
from sp1tee.verify.facts import Fact


class Status(StrEnum):
    """What became of a rule.

    `pass`: it holds. `fail`: the evidence contradicts it. `refused`: the evidence is genuine, but
    the policy says no. `unevaluable`: it could not be checked. `waived`: it did not hold, and the
    policy puts up with that for a time. `skipped`: nobody asked for it.
    """

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    REFUSED = "refused"
    UNEVALUABLE = "unevaluable"
    WAIVED = "waived"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file that a person can edit; `line` counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Check:
    """A rule applied to evidence.

    Attributes:
        id: the rule's, e.g. ``quote.report-data``.
        code: the rule's, e.g. ``SP1TEE-V210``.
        title: the rule's: what holds if it passes.
        status: what became of it.
        summary: one sentence saying what was found.
        subject: which one, where a rule is applied to several things: a service, an address.
        expected: what was asked for, if that can be written down.
        actual: what was found.
        remedy: what to do next; for a person to read or a command to run.
        details: the explanation, line by line.
        anchors: what the result rests on.
        location: where in a file a person would mend it.
        reason: why an `unevaluable` check could not be checked: an error's code.
        waiver: why a `waived` check is put up with, and until when.
        waivable: the rule's: whether a policy may put up with it.
    """

    id: str
    code: str
    title: str
    status: Status
    summary: str
    subject: str = ""
    expected: str | None = None
    actual: str | None = None
    remedy: str | None = None
    details: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    location: Location | None = None
    reason: str | None = None
    waiver: str | None = None
    waivable: bool = True


class Told(TypedDict, total=False):
    """What a rule's check may say beside its summary; the attributes of `Check`."""

    subject: str
    expected: str | None
    actual: str | None
    remedy: str | None
    details: tuple[str, ...]
    anchors: tuple[str, ...]
    location: Location | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that has to hold.

    Attributes:
        id: room and name, e.g. ``quote.report-data``.
        code: stable, ``SP1TEE-V`` and three digits; the first digit is the room's.
        title: what holds if it passes, as a sentence without a full stop.
        why: what goes wrong for whoever doesn't check it.
        waivable: whether a policy may put up with its not holding. What everything else rests on
            is not.
    """

    id: str
    code: str
    title: str
    why: str
    waivable: bool = True

    def passes(self, summary: str, **told: Unpack[Told]) -> Check:
        """It holds."""
        return self._check(Status.PASS, summary, told)

    def fails(self, summary: str, **told: Unpack[Told]) -> Check:
        """The evidence contradicts it."""
        return self._check(Status.FAIL, summary, told)

    def refuses(self, summary: str, **told: Unpack[Told]) -> Check:
        """The evidence is genuine, and the policy says no."""
        return self._check(Status.REFUSED, summary, told)

    def unevaluable(self, why: str | VerifyError, **told: Unpack[Told]) -> Check:
        """It could not be checked, for a reason in words or for an error."""
        if isinstance(why, VerifyError):
            told.setdefault("reason", why.code)
            if why.advice:
                told.setdefault("remedy", why.advice)
        return self._check(Status.UNEVALUABLE, str(why), told)

    def skips(self, summary: str, **told: Unpack[Told]) -> Check:
        """Nobody asked for it; `summary` says what therefore is not known."""
        return self._check(Status.SKIPPED, summary, told)

    def _check(self, status: Status, summary: str, told: Told) -> Check:
        return Check(
            self.id, self.code, self.title, status, summary, waivable=self.waivable, **told
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """What a room found: its checks in the order they are read, and its facts."""

    checks: tuple[Check, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __add__(self, other: "Findings") -> "Findings":
        return Findings(self.checks + other.checks, self.facts + other.facts)
