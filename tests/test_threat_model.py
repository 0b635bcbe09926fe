"""docs/threat-model.md: every claim names the tests that show it, and every test it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
HEAD = "| who | tries to | held off by | shown by |"
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ")]
CLAIMS = [row for row in ROWS if row != HEAD]
TABLES = 3


@cache
def functions_of(file: str) -> frozenset[str]:
    found = ast.walk(ast.parse((ROOT / "tests" / file).read_text()))
    functions = (each for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(each.name for each in functions)


def test_every_table_says_who_tries_what_and_what_shows_that_it_fails() -> None:
    assert len(ROWS) - len(CLAIMS) == TABLES == TEXT.count("|---|---|---|---|")
    assert len(CLAIMS) > 30


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: "-".join(claim.split("|")[1:3]))
def test_what_shows_a_claim_exists(claim: str) -> None:
    _, who, tries, by, shown, _ = claim.split("|")
    assert all(part.strip() for part in (who, tries, by))
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", shown)
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in functions_of(file)] == []
