"""GitHub-flavoured Markdown, for comments and job summaries.

What evidence says stands in code spans and fenced blocks, where nothing is markup, a link or a
mention; in sentences it is escaped.
"""

import re
from collections.abc import Iterator
from typing import Final

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.formats import clean
from sp1tee.verify.formats.explained import Remark, remarks, titled
from sp1tee.verify.formats.words import OF_VERDICT, SYMBOLS, rooms, sentence, tally
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.report import Report

_PUNCTUATION: Final = re.compile(r"([\\`*_{}\[\]()#!|~$^:.+=-])")
_TICKS: Final = re.compile(r"`+")
# GitHub looks for addresses, mentions and issue numbers in the text that Markdown has become, so
# no escape of Markdown's own keeps it from finding them. A character without width does.
_MEETS_TEXT: Final = re.compile(r"(@|#(?=\d)|://|\bwww(?=\.)|\bGH(?=-))", re.IGNORECASE)
_APART: Final = "\u200b"


def render(report: Report) -> str:
    """Write a report as a Markdown document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    symbol = SYMBOLS[OF_VERDICT[report.verdict]]
    yield f"## {symbol} {report.verdict.value.upper()}: {code(report.target)}"
    yield ""
    yield f"{sentence(report)} {tally(report)}, judged for {rfc3339(report.at)}."
    yield ""
    yield from _policy(report)
    yield from _overview(report)
    for check in report.checks:
        if check.status not in (Status.PASS, Status.SKIPPED):
            yield from _explained(check)
    yield from _folded("Passed", report, Status.PASS)
    yield from _folded("Skipped", report, Status.SKIPPED)
    for note in report.notes:
        yield f"> {prose(note)}"
        yield ""
    yield f"Report {code(report.digest[:16])}"


def _policy(report: Report) -> Iterator[str]:
    policy = report.policy
    if policy is None:
        yield "**No policy**: what the command demands by itself."
        yield ""
        return
    digest = f", sha256 {code(policy.sha256)}" if policy.sha256 else ""
    yield f"<details><summary>What is demanded</summary>\n\nPolicy {code(policy.name)}{digest}\n"
    for said in policy.lines:
        yield f"- {prose(said)}"
    yield "\n</details>\n"


def _overview(report: Report) -> Iterator[str]:
    yield "| | part | checks |"
    yield "|---|---|---|"
    for room in rooms(report):
        passed = sum(check.status is Status.PASS for check in room.checks)
        said = f"{passed} of {len(room.checks)} pass"
        yield f"| {SYMBOLS[room.worst]} | {prose(room.title)} | {said} |"
    yield ""


def _explained(check: Check) -> Iterator[str]:
    yield f"### {SYMBOLS[check.status]} {prose(titled(check))}"
    yield ""
    yield f"{check.status.value} · {code(check.id)} · {code(check.code)}"
    yield ""
    yield prose(check.summary)
    yield ""
    for remark in remarks(check):
        yield from _remark(remark)
    yield ""


def _remark(remark: Remark) -> Iterator[str]:
    if len(remark.lines) == 1 and remark.label != "next":
        yield f"- {remark.label}: {code(remark.lines[0])}"
        return
    yield f"- {remark.label}:"
    yield from (f"  {line}" for line in _block(remark.lines))


def _block(lines: tuple[str, ...]) -> list[str]:
    fence = "`" * max(3, 1 + _longest_ticks("\n".join(lines)))
    return [f"{fence}text", *lines, fence]


def _folded(title: str, report: Report, status: Status) -> Iterator[str]:
    checks = [check for check in report.checks if check.status is status]
    if not checks:
        return
    yield f"<details><summary>{title} ({len(checks)})</summary>\n"
    for check in checks:
        yield f"- {SYMBOLS[status]} {prose(titled(check))}: {prose(check.summary)} {code(check.id)}"
    yield "\n</details>\n"


def code(text: str) -> str:
    """Write text as a code span, in which nothing is interpreted."""
    plain = clean.line(text)
    if not plain.strip():
        return "(empty)"
    ticks = "`" * (1 + _longest_ticks(plain))
    # A span that begins or ends with a backtick or a space needs a space that is not part of it.
    padded = f" {plain} " if plain[0] in "` " or plain[-1] in "` " else plain
    return f"{ticks}{padded}{ticks}"


def prose(text: str) -> str:
    """Write text as part of a sentence."""
    apart = _MEETS_TEXT.sub(_part, clean.line(text))
    escaped = _PUNCTUATION.sub(r"\\\1", apart)
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        escaped = escaped.replace(mark, entity)
    return escaped


def _part(found: re.Match[str]) -> str:
    return f"{found[0][:-2]}{_APART}//" if found[0] == "://" else f"{found[0]}{_APART}"


def _longest_ticks(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
