"""README.md tells of every test of this folder, and of no others."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

from conformance.matrix import MOCKED, PROVED, REFUSED

HERE = Path(__file__).parent


def patterns() -> set[str]:
    """What stands in code in the last columns of the tables."""
    lines = (HERE / "README.md").read_text().splitlines()
    cells = [line.rstrip("| ").rpartition("|")[2] for line in lines if line.startswith("|")]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def names() -> set[str]:
    """The names of rows, and of the functions that are no table of rows."""
    functions = {
        name
        for path in HERE.glob("test_*.py")
        if path != Path(__file__)
        for name in re.findall(r"^def (test_\w+)\((?!row: Row)", path.read_text(), re.MULTILINE)
    }
    return functions | {row.name for row in (*PROVED, *MOCKED, *REFUSED)}


def test_every_test_stands_in_the_readme() -> None:
    told = patterns()
    assert [name for name in names() if not any(fnmatchcase(name, each) for each in told)] == []


def test_everything_in_the_readme_is_a_test() -> None:
    here = names()
    assert [each for each in patterns() if not any(fnmatchcase(name, each) for name in here)] == []


def test_no_two_rows_have_one_name() -> None:
    rows = [row.name for row in (*PROVED, *MOCKED, *REFUSED)]
    assert len(rows) == len(set(rows))
