"""Risks that a docker-compose file itself says are accepted.

    x-sp1tee:
      accepts:
        - check: compose.guest-agent-socket
          subject: server
          reason: the vault's key and quotes come from the guest agent

That is its author's word: `sp1tee compose check` takes it, as a linter takes a comment, and no
auditor's command does. Docker Compose ignores what begins with ``x-``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sp1tee.verify.checks import Check, Location, Status
from sp1tee.verify.compose import ComposeFile, Listing, Node, Table
from sp1tee.verify.compose.yaml_tree import text_of
from sp1tee.verify.lint.rules import ACCEPTANCES
from sp1tee.verify.policy.rulebook import rules
from sp1tee.verify.policy.waivers import UNMET

_SECTION: Final = "x-sp1tee"
_LIST: Final = "accepts"
_KEYS: Final = ("check", "subject", "reason")
_SHORTEST_REASON: Final = 3
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One accepted risk: a check's id, its subject (empty: any), why, and the line."""

    check: str
    subject: str
    reason: str
    line: int

    def names(self, check: Check) -> bool:
        """Tell whether it is about a check."""
        return check.id == self.check and self.subject in ("", check.subject)


def read(file: ComposeFile) -> tuple[tuple[Acceptance, ...], tuple[Check, ...]]:
    """Read what a file accepts.

    Returns:
        What can be understood, and what there is to say about it: one check that passes, or one
        for each entry that cannot be.
    """
    accepted: list[Acceptance] = []
    wrong: list[Check] = []
    for node in _entries(file):
        read_it = _acceptance(node)
        if isinstance(read_it, Acceptance):
            accepted.append(read_it)
        else:
            wrong.append(_refused(file, node, read_it))
    said = f"The file accepts {len(accepted) or 'no'} risk{'' if len(accepted) == 1 else 's'}."
    return tuple(accepted), tuple(wrong) or (ACCEPTANCES.passes(said),)


def apply(checks: Iterable[Check], accepted: Sequence[Acceptance]) -> tuple[Check, ...]:
    """Waive what a file accepts, with its reason."""
    return tuple(_waived(check, accepted) for check in checks)


def unneeded(checks: Sequence[Check], accepted: Sequence[Acceptance]) -> Iterator[str]:
    """Yield a remark for everything that is accepted and not there."""
    for each in accepted:
        if not any(each.names(check) and check.status is Status.WAIVED for check in checks):
            on = f" of {each.subject}" if each.subject else ""
            yield f"Line {each.line} accepts {each.check}{on}, which is not needed."


def _waived(check: Check, accepted: Sequence[Acceptance]) -> Check:
    naming = next((each for each in accepted if each.names(check)), None)
    if naming is None or check.status not in UNMET or not check.waivable:
        return check
    return replace(check, status=Status.WAIVED, waiver=f"{naming.reason} (says the file itself)")


def _entries(file: ComposeFile) -> tuple[Node, ...]:
    section = file.tree.get(_SECTION)
    if section is None:
        return ()
    if not isinstance(section, Table) or set(section.entries) != {_LIST}:
        return (section,)
    listed = section.entries[_LIST].value
    return listed.items[:_MOST] if isinstance(listed, Listing) else (listed,)


def _acceptance(node: Node) -> Acceptance | str:
    """Read one entry, or say what is wrong with it."""
    if not isinstance(node, Table) or not set(node.entries) <= set(_KEYS):
        return f"{_SECTION} is a list `{_LIST}:` of entries with {', '.join(_KEYS)}"
    check, subject, reason = (text_of(node.get(key)) for key in _KEYS)
    if check not in {rule.id for rule in rules()}:
        return f"There is no check {check[:80]!r}"
    if len(reason) < _SHORTEST_REASON:
        return f"Nothing says why {check} is accepted"
    return Acceptance(check, subject, reason, node.line)


def _refused(file: ComposeFile, node: Node, what: str) -> Check:
    return ACCEPTANCES.refuses(
        f"{what}.",
        subject=f"line {node.line}",
        remedy="Take the check and its subject from the report, and write down why it may be.",
        location=Location(file.name, node.line),
    )
