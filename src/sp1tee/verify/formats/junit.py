"""JUnit XML, for test dashboards: a suite a room, a case a check."""

from typing import Final
from xml.etree import ElementTree as ET

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.formats import clean
from sp1tee.verify.formats.explained import remarks, titled
from sp1tee.verify.formats.words import Room, rooms
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.report import Report

_ELEMENTS: Final = {
    Status.FAIL: "failure",
    Status.REFUSED: "failure",
    Status.UNEVALUABLE: "error",
}


def render(report: Report) -> str:
    """Write a report as a `testsuites` document."""
    suites = [_suite(room, report) for room in rooms(report)]
    root = ET.Element("testsuites", name=f"sp1tee {clean.line(report.target)}")
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(room: Room, report: Report) -> ET.Element:
    statuses = [check.status for check in room.checks]
    elements = [_ELEMENTS.get(status) for status in statuses]
    suite = ET.Element(
        "testsuite",
        name=clean.line(room.title),
        tests=str(len(statuses)),
        failures=str(elements.count("failure")),
        errors=str(elements.count("error")),
        skipped=str(statuses.count(Status.SKIPPED)),
        timestamp=rfc3339(report.at),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(_case(check) for check in room.checks)
    return suite


def _properties(report: Report) -> list[tuple[str, str]]:
    policy = report.policy
    return [
        ("target", clean.line(report.target)),
        ("verdict", report.verdict.value),
        ("policy", "none" if policy is None else clean.line(policy.name)),
        ("policy-sha256", (policy and policy.sha256) or "none"),
        ("digest", report.digest),
    ]


def _case(check: Check) -> ET.Element:
    case = ET.Element("testcase", name=titled(check), classname=clean.line(check.id))
    summary = clean.line(check.summary)
    if check.status is Status.SKIPPED:
        ET.SubElement(case, "skipped").text = summary
    elif check.status in _ELEMENTS:
        kind = f"{check.status.value} {clean.line(check.code)}"
        element = ET.SubElement(case, _ELEMENTS[check.status], message=summary, type=kind)
        element.text = _text(check)
    elif check.status is Status.WAIVED:
        ET.SubElement(case, "system-out").text = f"waived: {_text(check)}"
    return case


def _text(check: Check) -> str:
    said = [clean.line(check.summary)]
    for remark in remarks(check):
        said += [f"{remark.label}: {text}" for text in remark.lines]
    return "\n".join(said)
