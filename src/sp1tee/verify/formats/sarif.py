"""SARIF 2.1.0, for code scanning: what did not hold, at the line where it can be mended.

A level of `error` is whatever keeps the verdict from being a pass, so that a gate on errors and a
gate on the exit code agree: what could not be checked is no lesser matter than what failed.
"""

import hashlib
import json
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from sp1tee import __version__
from sp1tee.verify.checks import Check, Location, Status
from sp1tee.verify.formats import clean
from sp1tee.verify.formats.explained import remarks, titled
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.report import InputRecord, Report

VERSION: Final = "2.1.0"
SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS: Final = {
    Status.FAIL: "error",
    Status.REFUSED: "error",
    Status.UNEVALUABLE: "error",
    Status.WAIVED: "warning",
    Status.SKIPPED: "note",
}

_PLACEHOLDER: Final = re.compile(r"\{(\d+)\}")


def render(report: Report) -> str:
    """Write a report as one SARIF run."""
    log = {"$schema": SCHEMA, "version": VERSION, "runs": [_run(report)]}
    return json.dumps(log, indent=2).replace("\x7f", "\\u007f") + "\n"


def _run(report: Report) -> dict[str, Any]:
    rules = {check.id: check for check in reversed(report.checks)}
    names = list(dict.fromkeys(check.id for check in report.checks))
    return {
        "tool": {
            "driver": {
                "name": "sp1tee",
                "semanticVersion": __version__,
                "rules": [_rule(rules[name]) for name in names],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": report.exit_code}],
        "automationDetails": {"id": f"sp1tee/{clean.line(report.target)}/"},
        "artifacts": [_artifact(entry) for entry in report.inputs],
        "results": _results(report, names),
        "properties": {
            "target": clean.line(report.target),
            "verdict": report.verdict.value,
            "at": rfc3339(report.at),
            "policy": report.policy and report.policy.sha256,
            "digest": report.digest,
        },
    }


def _rule(check: Check) -> dict[str, Any]:
    return {
        "id": clean.line(check.id),
        "name": clean.line(check.code),
        "shortDescription": {"text": _message(clean.line(check.title))},
    }


def _artifact(entry: InputRecord) -> dict[str, Any]:
    return {
        "location": {"uri": _uri(entry.name)},
        "length": entry.size,
        "hashes": {"sha-256": entry.sha256},
    }


def _results(report: Report, names: list[str]) -> list[dict[str, Any]]:
    indices = {name: index for index, name in enumerate(names)}
    seen: Counter[str] = Counter()
    made = []
    for check in report.checks:
        if check.status is Status.PASS:
            continue
        print_ = _fingerprint(check)
        result = _result(check, indices[check.id], f"{print_}:{seen[print_]}")
        made.append({**result, "locations": [_location(check, report.target)]})
        seen[print_] += 1
    return made


def _result(check: Check, index: int, fingerprint: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": clean.line(check.id),
        "ruleIndex": index,
        "level": LEVELS[check.status],
        "message": {"text": _text(check)},
        "fingerprints": {"sp1tee/v1": fingerprint},
        "properties": {"status": check.status.value, "code": clean.line(check.code)},
    }
    if check.status is Status.WAIVED:
        reason = clean.line(check.waiver or "")
        made["suppressions"] = [{"kind": "external", "justification": reason}]
    return made


def _text(check: Check) -> str:
    said = [f"{titled(check)}: {clean.line(check.summary)}"]
    for remark in remarks(check):
        said += [f"{remark.label}: {text}" for text in remark.lines]
    return _message("\n".join(said))


def _message(text: str) -> str:
    """Escape what a message would have for a placeholder or a link (SARIF 2.1.0 §3.11.5, §3.11.6).

    Brackets and braces that are neither stay as they are: most readers show escapes.
    """
    if "](" in text:
        text = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return _PLACEHOLDER.sub(r"{{\1}}", text)


def _location(check: Check, target: str) -> dict[str, Any]:
    """Say where a finding stands: without a line of its own, at the beginning of the target.

    GitHub's code scanning refuses a whole file for one result without a physical location.
    """
    place = check.location or Location(target, 1)
    made: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.file)},
            "region": {"startLine": max(place.line, 1)},
        }
    }
    if check.location is None:
        name = clean.line(check.subject) or clean.line(check.id)
        made["logicalLocations"] = [{"fullyQualifiedName": name}]
    return made


def _uri(path: str) -> str:
    """Write a path as a URI reference; one that is absolute as a `file:` URI (RFC 8089)."""
    plain = clean.line(path)
    quoted = quote(str(PurePosixPath(plain)) if plain else "")
    return f"file://{quoted}" if quoted.startswith("/") else quoted


def _fingerprint(check: Check) -> str:
    """Name a finding by what it is about and not by its line, which moves."""
    file = "" if check.location is None else check.location.file
    named = json.dumps([check.id, check.subject, file])
    return hashlib.sha256(named.encode()).hexdigest()
