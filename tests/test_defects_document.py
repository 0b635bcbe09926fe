"""docs/defects.md: every known defect has a line, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "defects.md").read_text()
LINES = dict(re.findall(r"^\| ([ABC]\d+) \| (.*)$", TEXT, re.MULTILINE))
KNOWN = [
    f"{part}{n}" for part, most in (("A", 9), ("B", 23), ("C", 15)) for n in range(1, most + 1)
]


@cache
def functions_of(file: str) -> frozenset[str]:
    found = ast.walk(ast.parse((ROOT / "tests" / file).read_text()))
    functions = (each for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(each.name for each in functions)


def test_every_known_defect_has_a_line() -> None:
    assert list(LINES) == KNOWN


@pytest.mark.parametrize("defect", KNOWN)
def test_what_shows_it_exists(defect: str) -> None:
    shown = re.findall(r"`([\w/]+\.py)::(\w+)`", LINES[defect])
    assert shown
    assert [f"{file}::{name}" for file, name in shown if name not in functions_of(file)] == []
