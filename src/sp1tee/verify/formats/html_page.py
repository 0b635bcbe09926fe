"""One self-contained page: no script, no request to anywhere, readable in light and dark."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final
from xml.etree import ElementTree as ET

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.facts import Json
from sp1tee.verify.formats import chain
from sp1tee.verify.formats.explained import Remark, remarks, titled
from sp1tee.verify.formats.markup import Child, element, written
from sp1tee.verify.formats.picture import NARROW, UNKNOWN, WIDE, drawn
from sp1tee.verify.formats.words import (
    OF_VERDICT,
    SYMBOLS,
    WORST_FIRST,
    Room,
    rooms,
    sentence,
    spoilers,
    tally,
)
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.report import Report

_PLAIN: Final = ("reason", "waived")
"""Remarks that are sentences; all others are shown as they are written."""


def render(report: Report) -> str:
    """Write a report as an HTML page."""
    page = element("html", _head(report), _body(report), lang="en")
    return f"<!doctype html>\n{written(page)}\n"


@cache
def _style() -> str:
    return files(__package__).joinpath("page.css").read_text("utf-8")


def _head(report: Report) -> ET.Element:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    style = ET.Element("style")
    style.text = _style()
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{report.verdict.value}: {report.target}"),
        style,
    )
    named = (("viewport", "width=device-width, initial-scale=1"), ("referrer", "no-referrer"))
    policy = ET.Element(
        "meta", {"http-equiv": "Content-Security-Policy", "content": "; ".join(rules)}
    )
    head.insert(1, policy)
    head.extend(element("meta", name=name, content=content) for name, content in named)
    return head


def _body(report: Report) -> ET.Element:
    return element("body", element("main", *_sections(report)))


def _sections(report: Report) -> Iterator[ET.Element]:
    yield _verdict(report)
    yield _policy(report)
    yield _chain(report)
    for room in rooms(report):
        yield _room(room)
    if report.notes:
        yield _section("Notes", *(element("p", note) for note in report.notes))
    if report.facts:
        yield _facts(report)
    if report.inputs:
        yield _inputs(report)
    yield element("p", "Report ", element("code", report.digest), class_="faint")


def _verdict(report: Report) -> ET.Element:
    status = OF_VERDICT[report.verdict]
    word = f"{SYMBOLS[status]} {report.verdict.value.upper()}"
    return element(
        "header",
        element("h1", report.target),
        element("p", word, class_="word"),
        element("p", sentence(report)),
        *_spoilers(report),
        element("p", f"{tally(report)} · judged for {rfc3339(report.at)}", class_="faint"),
        class_=f"verdict {status.value}",
    )


def _spoilers(report: Report) -> Iterator[ET.Element]:
    """List what keeps the verdict from being a pass, with the way to its explanation."""
    spoiling = spoilers(report)
    if spoiling:
        yield element("ul", *(_spoiler(check) for check in spoiling), class_="spoilers")


def _spoiler(check: Check) -> ET.Element:
    subject = f" ({check.subject})" if check.subject else ""
    link = element("a", f"{check.id}{subject}", href=f"#{_anchor(check)}")
    return element("li", _mark(check), link, f": {check.summary}", class_=check.status.value)


def _anchor(check: Check) -> str:
    named = json.dumps([check.id, check.subject])
    return f"check-{hashlib.sha256(named.encode()).hexdigest()[:12]}"


def _policy(report: Report) -> ET.Element:
    policy = report.policy
    if policy is None:
        return _section("What is demanded", element("p", "No policy: the command's own demands."))
    digest = f"sha256 {policy.sha256}" if policy.sha256 else ""
    return _section(
        f"What is demanded: {policy.name}",
        element("ul", *(element("li", said) for said in policy.lines)),
        element("p", element("code", digest), class_="faint"),
    )


def _chain(report: Report) -> ET.Element:
    statuses = chain.statuses(report.checks)
    legend = [(SYMBOLS[status], status.value) for status in reversed(WORST_FIRST)]
    return _section(
        "What rests on what",
        drawn(WIDE, statuses),
        drawn(NARROW, statuses),
        element(
            "ul",
            *(_legend(symbol, kind, kind) for symbol, kind in legend),
            _legend(UNKNOWN, "none", "not checked"),
            class_="legend faint",
        ),
    )


def _legend(symbol: str, kind: str, word: str) -> ET.Element:
    return element("li", element("span", symbol, class_="mark"), word, class_=kind)


def _room(room: Room) -> ET.Element:
    return _section(room.title, *(_check(check) for check in room.checks))


def _check(check: Check) -> ET.Element:
    if check.status in (Status.PASS, Status.SKIPPED):
        folded = element(
            "details",
            element("summary", _mark(check), titled(check)),
            element("div", *_said(check)),
            class_=f"check {check.status.value}",
        )
        # What was not checked must not hide.
        if check.status is Status.SKIPPED:
            folded.set("open", "open")
        return folded
    return element(
        "article",
        element("h3", _mark(check), titled(check)),
        *_said(check),
        id=_anchor(check),
        class_=f"check open {check.status.value}",
    )


def _mark(check: Check) -> ET.Element:
    return element("span", SYMBOLS[check.status], class_="mark", title=check.status.value)


def _said(check: Check) -> Iterator[ET.Element]:
    yield element("p", check.summary)
    name = f" · {check.id} · {check.code}"
    yield element("p", check.status.value, name, class_="faint")
    told = [part for remark in remarks(check) for part in _remark(remark)]
    if told:
        yield element("dl", *told)


def _remark(remark: Remark) -> tuple[ET.Element, ET.Element]:
    text = "\n".join(remark.lines)
    said: Child = text if remark.label in _PLAIN else element("pre", text)
    return element("dt", remark.label), element("dd", said, class_=remark.label)


def _facts(report: Report) -> ET.Element:
    rows = [
        (fact.name, _written(fact.value), f"{fact.basis.value}: {fact.anchor}")
        for fact in report.facts
    ]
    return _folded(f"Facts ({len(rows)})", _table(("fact", "value", "known from"), rows))


def _inputs(report: Report) -> ET.Element:
    rows = [(entry.name, entry.sha256, f"{entry.size} bytes") for entry in report.inputs]
    return _folded(f"Inputs ({len(rows)})", _table(("input", "sha256", "size"), rows))


def _written(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(titles: Iterable[str], rows: Iterable[tuple[str, str, str]]) -> ET.Element:
    return element(
        "table",
        element("thead", element("tr", *(element("th", title) for title in titles))),
        element("tbody", *(_row(row) for row in rows)),
    )


def _row(row: tuple[str, str, str]) -> ET.Element:
    name, value, basis = row
    cells = (element("code", name), element("code", value), element("span", basis))
    return element("tr", *(element("td", cell) for cell in cells))


def _section(title: str, *children: Child) -> ET.Element:
    return element("section", element("h2", title), *children)


def _folded(title: str, *children: Child) -> ET.Element:
    return element("section", element("details", element("summary", title), *children))
