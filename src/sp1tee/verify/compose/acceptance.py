"""Risks and what a policy says to them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sp1tee.verify.checks import Check, Location, Rule
from sp1tee.verify.compose.risks import Hit
from sp1tee.verify.compose.rules import allowance
from sp1tee.verify.policy import ComposePolicy

SHOWN: Final = 20
"""How many places are listed in one check."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things stand for a person.

    Attributes:
        file: the published file's name, if its lines are those of what runs.
    """

    file: str | None

    def location(self, line: int) -> Location | None:
        """Return the place of a line of the docker-compose file."""
        return None if self.file is None else Location(self.file, line)


def accepted(policy: ComposePolicy, rule: Rule, subject: str) -> bool:
    """Tell whether a policy puts up with a risk, in general or for one service."""
    name = allowance(rule)
    return name in policy.allow or (bool(subject) and f"{name}:{subject}" in policy.allow)


def judge_hits(
    rule: Rule, hits: Iterable[Hit], policy: ComposePolicy, places: Places
) -> Iterator[Check]:
    """Judge what was found against a rule: one check for each service, or one that passes."""
    found = sorted(hits, key=lambda hit: hit.subject)
    if not found:
        yield rule.passes("Nothing of the kind is in the docker-compose file.")
    for subject, group in groupby(found, key=lambda hit: hit.subject):
        yield judge_subject(rule, subject, sorted(group, key=lambda h: h.line), policy, places)


def judge_subject(
    rule: Rule, subject: str, hits: Sequence[Hit], policy: ComposePolicy, places: Places
) -> Check:
    """Judge what was found in one service, or in the file as a whole."""
    lines = [f"line {hit.line}: {hit.text}" for hit in hits]
    more = len(lines) - SHOWN
    details = (*lines[:SHOWN], *((f"… and {more} more",) if more > 0 else ()))
    what = f"{subject or 'The file'} {hits[0].text}{f', and {more_of(hits)}' if hits[1:] else ''}."
    if accepted(policy, rule, subject):
        return rule.passes(f"Accepted by the policy: {what}", subject=subject, details=details)
    return rule.refuses(
        what,
        subject=subject,
        details=details,
        remedy=allow_line(rule, subject),
        location=places.location(hits[0].line),
    )


def more_of(hits: Sequence[Hit]) -> str:
    """Say how many there are besides the first."""
    return f"{len(hits) - 1} more"


def allow_line(rule: Rule, subject: str = "") -> str:
    """Return the line of a policy that accepts a risk."""
    name = allowance(rule) + (f":{subject}" if subject else "")
    return f'If that is acceptable, write into the policy: [compose] allow = ["{name}"]'
