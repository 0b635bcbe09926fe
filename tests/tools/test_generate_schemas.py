"""The checked-in schemas are those of the program."""

import json
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
from support.tools import ROOT, load_tool

SCRIPT = ROOT / "tools" / "generate_schemas.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return load_tool("generate_schemas")


def test_the_checked_in_schemas_are_up_to_date(tool: ModuleType) -> None:
    assert tool.stale(ROOT / "schemas") == []


def test_each_is_a_schema(tool: ModuleType) -> None:
    for text in tool.generate().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_a_missing_an_edited_and_a_left_over_schema_are_found(
    tool: ModuleType, tmp_path: Path
) -> None:
    for name, text in tool.generate().items():
        (tmp_path / name).write_text(text, "utf-8")
    assert tool.stale(tmp_path) == []
    (tmp_path / "report.v1.json").unlink()
    (tmp_path / "policy.v1.json").write_text("{}")
    (tmp_path / "old.json").write_text("{}")
    assert tool.stale(tmp_path) == ["old.json", "policy.v1.json", "report.v1.json"]
