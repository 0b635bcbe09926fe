"""The report: what was asked, what was found, and the verdict. Its JSON form is the norm.

Two evaluations of the same inputs under the same policy at the same time give the same report but
for the tool's version, and so the same digest.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import rfc8785

from sp1tee import __version__
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.facts import Fact
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.verdict import EXIT_CODES, Verdict, verdict

SCHEMA: Final = "sp1tee.report.v1"
_EXACT: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Input:
    """Something that was read: a file, a part of a bundle, an answer."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class InputRecord:
    """What identifies an input: its name, the SHA-256 of its bytes, their number."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """The policy that was enforced: its name, the digest of its file, and what it says in words."""

    name: str
    sha256: str | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict with its reasons.

    Attributes:
        target: what was examined, e.g. a host or a file's name.
        at: the time the evidence was judged for, Unix seconds.
        policy: what was demanded, or None for a command's own defaults.
        notes: what a reader should know that is no check.
        digest: SHA-256 of the canonical JSON (RFC 8785) of everything but the tool's version.
    """

    target: str
    at: int
    policy: PolicyRecord | None
    verdict: Verdict
    checks: tuple[Check, ...]
    facts: tuple[Fact, ...]
    inputs: tuple[InputRecord, ...]
    notes: tuple[str, ...]
    digest: str = ""

    @property
    def exit_code(self) -> int:
        """What the verdict is for a shell."""
        return EXIT_CODES[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return the normative form, as `schemas/report.v1.json` describes it."""
        return {**self._content(), "tool": f"sp1tee {__version__}", "digest": self.digest}

    def _content(self) -> dict[str, Any]:
        content = {
            "schema": SCHEMA,
            "target": self.target,
            "at": rfc3339(self.at),
            "policy": None if self.policy is None else asdict(self.policy),
            "verdict": self.verdict.value,
            "exit_code": self.exit_code,
            "checks": [_told(check) for check in self.checks],
            "facts": _by_name(self.facts),
            "inputs": [asdict(entry) for entry in self.inputs],
            "notes": list(self.notes),
        }
        return {name: _safe(value) for name, value in content.items()}


def assemble(
    target: str,
    findings: Findings,
    *,
    at: int,
    policy: PolicyRecord | None = None,
    inputs: Iterable[Input] = (),
    notes: Sequence[str] = (),
) -> Report:
    """Judge findings and make the report of them."""
    draft = Report(
        target,
        at,
        policy,
        verdict(findings.checks),
        findings.checks,
        findings.facts,
        tuple(_record(entry) for entry in inputs),
        tuple(notes),
    )
    digest = hashlib.sha256(rfc8785.dumps(draft._content())).hexdigest()  # noqa: SLF001 - its maker
    return replace(draft, digest=digest)


def _record(entry: Input) -> InputRecord:
    return InputRecord(entry.name, hashlib.sha256(entry.data).hexdigest(), len(entry.data))


def _by_name(facts: Iterable[Fact]) -> dict[str, dict[str, Any]]:
    """Keep every fact: one whose name is taken, by another value, gets a number behind it."""
    told: dict[str, dict[str, Any]] = {}
    for fact in facts:
        entry = {"value": fact.value, "basis": fact.basis.value, "anchor": fact.anchor}
        name, number = fact.name, 1
        while told.get(name, entry) != entry:
            number += 1
            name = f"{fact.name}#{number}"
        told[name] = entry
    return told


def _told(check: Check) -> dict[str, Any]:
    told = asdict(check)
    del told["waivable"]  # a rule's property, not a finding
    return told


def _safe(value: Any) -> Any:
    """Leave nothing that JSON writers differ about.

    Integers that readers would round become text (RFC 8785 §3.2.2.3); text that is no Unicode, as
    a file's name may be, is escaped.
    """
    if isinstance(value, Mapping):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)
    return value
