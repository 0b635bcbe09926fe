"""The workflows: pinned, with no more rights than they need, and calling what there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from images import parser
from images_builds import IMAGES, ROOT
from ruamel.yaml import YAML

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


def load(path: Path) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(path)


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def commands(workflow: dict[str, Any]) -> Iterator[list[str]]:
    for step in steps(workflow):
        text = step.get("run", "").replace("\\\n", " ")
        for found in re.findall(r"tools/images\.py ([^|\n]*)", text):
            yield found.replace('"', "").replace("$machine", "first").split()


pytestmark = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses:" in line:
            assert PINNED.search(line) or line.strip(" -").startswith("uses: ./"), line


def test_nothing_is_allowed_that_a_job_does_not_ask_for(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert "write-all" not in str(job["permissions"])


def test_no_job_runs_for_ever_or_anywhere(path: Path) -> None:
    for job in load(path)["jobs"].values():
        assert job["timeout-minutes"] <= 120
        assert job["runs-on"] == "ubuntu-24.04"


def test_text_from_outside_is_pasted_into_no_script(path: Path) -> None:
    for step in steps(load(path)):
        assert "${{" not in step.get("run", "")


def test_checkouts_leave_no_credentials_behind(path: Path) -> None:
    for step in steps(load(path)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


def test_every_command_of_ours_exists(path: Path) -> None:
    called = list(commands(load(path)))
    assert called
    for words in called:
        parser().parse_args(words)


def test_every_image_is_there(path: Path) -> None:
    if path.stem == "release":
        text = path.read_text()
        assert [name for name in IMAGES if f"sp1tee-{name}.spdx.json" not in text] == []
