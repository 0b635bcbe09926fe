"""A table for a terminal: the policy first, every check, the verdict last."""

import io
import json
from collections.abc import Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.facts import Fact
from sp1tee.verify.formats import clean
from sp1tee.verify.formats.explained import Remark, remarks, titled
from sp1tee.verify.formats.words import (
    OF_VERDICT,
    SYMBOLS,
    Room,
    counts,
    rooms,
    sentence,
    spoilers,
    tally,
)
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.report import Report

NARROWEST: Final = 40
"""Columns below which lines could not be told apart; a smaller width is taken for this."""
SCREENFUL: Final = 20
"""Checks and facts of which nobody sees all at once."""

_STYLES: Final = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.REFUSED: "bold magenta",
    Status.UNEVALUABLE: "bold yellow",
    Status.WAIVED: "cyan",
    Status.SKIPPED: "dim",
}


def render(report: Report, *, width: int = 80, colour: bool = False) -> str:
    """Write a report for people; see `sp1tee.verify.formats.render`."""
    width = max(width, NARROWEST)
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        # Not this process's: the same report gives the same text everywhere.
        _environ={},
    )
    for part in _parts(report, width):
        console.print(part)
    text = "\n".join(row.rstrip() for row in out.getvalue().split("\n"))
    return text.rstrip("\n") + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield Text.assemble((clean.line(report.target), "bold"), f", judged for {rfc3339(report.at)}")
    yield ""
    yield from _policy(report)
    for room in rooms(report):
        yield ""
        yield Text(room.title, style="bold")
        yield from _room(room, width)
    yield from _facts(report)
    for note in report.notes:
        yield ""
        yield _hanging("note: ", Text(clean.line(note)))
    yield ""
    yield from _verdict(report)


def _policy(report: Report) -> Iterator[RenderableType]:
    policy = report.policy
    if policy is None:
        yield Text("No policy: what this command demands by itself.", style="bold")
        return
    digest = "" if policy.sha256 is None else f" (sha256 {policy.sha256[:16]}…)"
    yield Text.assemble(("Policy ", "bold"), clean.line(policy.name), (digest, "dim"))
    for said in policy.lines:
        yield _hanging("  · ", Text(clean.line(said)))


def _room(room: Room, width: int) -> Iterator[RenderableType]:
    for check in room.checks:
        if check.status is Status.PASS:
            title = _headline(check)
            title.truncate(width, overflow="ellipsis")
            yield title
        else:
            yield from _explained(check)


def _headline(check: Check) -> Text:
    found = "" if check.actual is None else f": {clean.line(check.actual)}"
    mark = (SYMBOLS[check.status], _STYLES[check.status])
    return Text.assemble("  ", mark, f" {titled(check)}", (found, "dim"))


def _explained(check: Check) -> Iterator[RenderableType]:
    mark = Text(SYMBOLS[check.status], style=_STYLES[check.status])
    yield _hanging("  ", mark, " ", Text(titled(check)))
    name = f"{check.status.value} · {clean.line(check.id)} · {clean.line(check.code)}"
    yield Padding(Text(name, style="dim"), (0, 0, 0, 4))
    yield Padding(Text(clean.line(check.summary)), (0, 0, 0, 4))
    for remark in remarks(check):
        yield Padding(_labelled(remark), (0, 0, 0, 4))


def _labelled(remark: Remark) -> Table:
    style = "bold" if remark.label == "next" else ""
    return _hanging(f"{remark.label:<9} ", Text("\n".join(remark.lines), style=style))


def _hanging(*cells: str | Text) -> Table:
    """Lay out a line whose last cell wraps under itself."""
    grid = Table.grid(padding=0)
    for cell in cells[:-1]:
        grid.add_column(width=len(cell), no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return grid


def _facts(report: Report) -> Iterator[RenderableType]:
    """Show the facts, each with how far it can be believed."""
    facts = _shown(report)
    if not facts:
        return
    yield ""
    yield Text("Facts", style="bold")
    for fact in facts:
        yield _hanging(f"  {fact.basis.value:<8}  ", _fact(fact))


def _shown(report: Report) -> tuple[Fact, ...]:
    """Return the facts if no policy judged them; with one, the checks say what matters."""
    return report.facts if report.policy is None else ()


def _fact(fact: Fact) -> Text:
    value = fact.value if isinstance(fact.value, str) else json.dumps(fact.value)
    return Text.assemble((clean.line(fact.name), "bold"), f" {clean.line(value)}")


def _recalled(report: Report) -> Iterator[RenderableType]:
    """Say again what spoilt the verdict: in a long report its explanation has scrolled away."""
    for check in spoilers(report):
        subject = f" ({clean.line(check.subject)})" if check.subject else ""
        mark = Text(SYMBOLS[check.status], style=_STYLES[check.status])
        name = f"{clean.line(check.id)}{subject}: "
        yield _hanging(mark, " ", Text.assemble(name, clean.line(check.summary)))


def _verdict(report: Report) -> Iterator[RenderableType]:
    status = OF_VERDICT[report.verdict]
    if len(report.checks) + len(_shown(report)) > SCREENFUL:
        yield from _recalled(report)
    counted = tally(report) if counts(report) else "Nothing was checked."
    yield Text(f"{counted} · report {report.digest[:16]}", style="dim")
    yield _hanging(
        Text(SYMBOLS[status], style=_STYLES[status]),
        " ",
        Text.assemble(
            (report.verdict.value.upper(), _STYLES[status]),
            f"  {sentence(report)} (exit code {report.exit_code})",
        ),
    )
