"""The verdict: one word for all checks together, and the exit code that says it to scripts."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from sp1tee.verify.checks import Check, Status


class Verdict(StrEnum):
    """One word for all checks together."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    REFUSED = "refused"
    UNEVALUABLE = "unevaluable"


EXIT_CODES: Final = {
    Verdict.PASS: 0,
    Verdict.FAIL: 1,
    Verdict.UNEVALUABLE: 3,
    Verdict.REFUSED: 4,
}
# The most final word wins: a contradiction is not mended by knowing more, nor is a refusal.
_WORST_FIRST: Final = (
    (Status.FAIL, Verdict.FAIL),
    (Status.REFUSED, Verdict.REFUSED),
    (Status.UNEVALUABLE, Verdict.UNEVALUABLE),
)


def verdict(checks: Iterable[Check]) -> Verdict:
    """Judge all checks together.

    Something must have been checked: if no check passed or was waived, there is nothing that a
    pass could rest on, and the verdict is `unevaluable`.
    """
    statuses = {check.status for check in checks}
    for status, word in _WORST_FIRST:
        if status in statuses:
            return word
    return Verdict.PASS if Status.PASS in statuses else Verdict.UNEVALUABLE
