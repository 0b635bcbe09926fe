"""SARIF 2.1.0."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from support.reports import CHECKS, HOSTILE, PINNED, report, reports, with_text

from sp1tee.verify.checks import Location, Status
from sp1tee.verify.formats import Format, render
from sp1tee.verify.formats.sarif import LEVELS
from sp1tee.verify.report import Report

_DATA = Path(__file__).parents[2] / "data" / "schemas" / "sarif-2.1.0-rtm.5.json"
VALIDATOR = jsonschema.Draft4Validator(json.loads(_DATA.read_text("utf-8")))


def run_of(made: Report) -> dict[str, Any]:
    log = json.loads(render(made, Format.SARIF))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    return dict(run)


def test_it_fits_the_official_schema_and_has_a_rule_for_every_check() -> None:
    run = run_of(report())
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == list(dict.fromkeys(check.id for check in CHECKS))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]


def test_passing_checks_are_no_results() -> None:
    expected = [check.id for check in CHECKS if check.status is not Status.PASS]
    assert [result["ruleId"] for result in run_of(report())["results"]] == expected


def test_whatever_spoils_the_verdict_is_an_error() -> None:
    errors = {status for status, level in LEVELS.items() if level == "error"}
    assert errors == {Status.FAIL, Status.REFUSED, Status.UNEVALUABLE}


def test_a_finding_stands_at_its_line_of_the_compose_file() -> None:
    (result,) = (r for r in run_of(report())["results"] if r["ruleId"] == "digests.pinned")
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "docker-compose.yml"},
                "region": {"startLine": 31},
            }
        }
    ]
    assert result["suppressions"][0]["justification"].startswith("The vendor publishes")
    assert result["level"] == "warning"


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("/srv/my files/compose.yml", "file:///srv/my%20files/compose.yml"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("//evil.example/x", "file:////evil.example/x"),
    ],
)
def test_a_path_becomes_a_harmless_reference(file: str, uri: str) -> None:
    made = report(PINNED.fails("it is not", location=Location(file, 0)))
    physical = run_of(made)["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == uri
    assert physical["region"]["startLine"] == 1


def test_a_finding_without_a_line_stands_at_the_beginning_of_the_target() -> None:
    """GitHub's code scanning refuses files with results that have no physical location."""
    for result in run_of(report())["results"]:
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"]
    (result,) = (r for r in run_of(report())["results"] if r["ruleId"] == "rtmr3.app-id")
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "tee.example.org"},
                "region": {"startLine": 1},
            },
            "logicalLocations": [{"fullyQualifiedName": "rtmr3.app-id"}],
        }
    ]


def test_a_fingerprint_stays_when_the_line_moves_and_differs_between_findings() -> None:
    def prints(line: int) -> list[str]:
        checks = (
            PINNED.refuses("x", subject="server", location=Location("c.yml", line)),
            PINNED.refuses("y", subject="prover", location=Location("c.yml", line + 1)),
            PINNED.refuses("y", subject="prover", location=Location("c.yml", line + 2)),
        )
        run = run_of(report(*checks))
        return [result["fingerprints"]["sp1tee/v1"] for result in run["results"]]

    assert prints(1) == prints(100)
    assert len(set(prints(1))) == 3


def test_a_message_has_no_links_or_placeholders_of_others() -> None:
    (text,) = {
        r["message"]["text"]
        for r in run_of(report(PINNED.fails("see [here](1) and {0}")))["results"]
    }
    assert "see \\[here\\](1) and {{0}}" in text


@given(reports)
def test_any_text_fits_the_official_schema(made: Report) -> None:
    shown = render(made, Format.SARIF)
    assert shown.isascii()
    run = run_of(made)
    for result in run["results"]:
        assert not re.search(r"(?<!\\)\]\(", result["message"]["text"])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_printable_when_read_back(text: str) -> None:
    for result in run_of(with_text(text))["results"]:
        assert result["message"]["text"].replace("\n", "").isprintable()
