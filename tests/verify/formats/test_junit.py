"""JUnit XML."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given, settings
from support.reports import CHECKS, HOSTILE, report, reports, with_text

from sp1tee.verify.checks import Status
from sp1tee.verify.formats import Format, render
from sp1tee.verify.report import Report

_DATA = Path(__file__).parents[2] / "data" / "schemas" / "jenkins-junit.xsd"
SCHEMA = xmlschema.XMLSchema(str(_DATA))


def tree_of(made: Report) -> ET.Element:
    text = render(made, Format.JUNIT)
    SCHEMA.validate(text)
    return ET.fromstring(text)


def case(root: ET.Element, check_id: str) -> ET.Element:
    return next(case for case in root.iter("testcase") if case.get("classname") == check_id)


def test_a_room_is_a_suite_and_a_check_a_case() -> None:
    root = tree_of(report())
    assert [suite.get("name") for suite in root][:3] == [
        "Certificate",
        "Evidence files",
        "TDX quote",
    ]
    assert [c.get("classname") for c in root.iter("testcase")] == [c.id for c in CHECKS]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("15", "2", "1")


@pytest.mark.parametrize(
    ("check_id", "element"),
    [
        ("rtmr3.app-id", "failure"),
        ("quote.tcb-status", "failure"),
        ("os.known-image", "error"),
        ("rtmr3.instance-id", "skipped"),
        ("digests.pinned", "system-out"),
    ],
)
def test_a_status_is_the_element_a_dashboard_understands(check_id: str, element: str) -> None:
    assert [child.tag for child in case(tree_of(report()), check_id)] == [element]


def test_a_passing_check_is_a_bare_case() -> None:
    assert len(case(tree_of(report()), "quote.signature")) == 0


def test_a_failure_says_what_was_expected_and_what_to_do() -> None:
    (failure,) = case(tree_of(report()), "rtmr3.app-id")
    assert failure.get("message") == "The application id differs from the pinned one."
    assert failure.get("type") == "fail SP1TEE-V304"
    assert "expected: 9b78cf840e16" in (failure.text or "")
    assert "next: Somebody else's" in (failure.text or "")


def test_the_suites_count_what_they_hold() -> None:
    for suite in tree_of(report()):
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_when_read_back(text: str) -> None:
    allowed = {"testsuites", "testsuite", "testcase", "properties", "property"}
    allowed |= {"failure", "error", "skipped", "system-out"}
    root = tree_of(with_text(text))
    assert {element.tag for element in root.iter()} <= allowed
    for element in root.iter():
        assert all(value.isprintable() for value in element.attrib.values())


@settings(max_examples=40)
@given(reports)
def test_any_text_is_well_formed_and_valid(made: Report) -> None:
    root = tree_of(made)
    assert len(list(root.iter("testcase"))) == 2 * len(Status)
