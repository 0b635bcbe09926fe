"""The JSON report, which is the norm."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from support.reports import CHECKS, FACTS, HOSTILE, report, reports, with_text

from sp1tee.verify.formats import Format, render
from sp1tee.verify.report import Report

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "report.v1.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_the_report_and_fits_its_schema() -> None:
    made = report()
    value = json.loads(render(made, Format.JSON))
    VALIDATOR.validate(value)
    assert value == json.loads(json.dumps(made.to_dict()))
    assert value["schema"] == "sp1tee.report.v1"
    assert value["verdict"] == "fail"
    assert [check["id"] for check in value["checks"]] == [check.id for check in CHECKS]
    assert value["facts"][FACTS[0].name]["basis"] == "attested"


def test_the_schema_knows_every_key_and_no_other() -> None:
    value = report().to_dict()
    assert set(value) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    for name, kind in (("checks", "CheckObject"), ("inputs", "InputObject")):
        assert set(value[name][0]) == set(SCHEMA["$defs"][kind]["properties"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "fine"), ("schema", "sp1tee.report.v2"), ("exit_code", "1"), ("checks", {})],
)
def test_the_schema_refuses_what_is_none(key: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**json.loads(render(report(), Format.JSON)), key: value})


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_ascii_without_control_characters(text: str) -> None:
    shown = render(with_text(text), Format.JSON)
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()


@given(reports)
def test_any_text_survives_unchanged(made: Report) -> None:
    value = json.loads(render(made, Format.JSON))
    VALIDATOR.validate(value)
    assert value == made.to_dict()
