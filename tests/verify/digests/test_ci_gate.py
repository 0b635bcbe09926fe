"""The action, the hook and the examples of docs/ci-gate.md are what they say they are."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.oci import compose_text

ROOT = Path(__file__).resolve().parents[3]
ACTION = ROOT / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
PAGE = (ROOT / "docs" / "ci-gate.md").read_text()
PINNED = f"ghcr.io/x/server@sha256:{'ab' * 32}"


def parsed(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.fixture
def action() -> Any:
    return parsed(ACTION.read_text())


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a runner gives a step."""
    commands = tmp_path / "bin"
    commands.mkdir()
    command = commands / "sp1tee"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sp1tee "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }


def gate(action: Any, environment: dict[str, str], folder: Path, **inputs: str) -> int:
    """Run the action's last step as a runner does."""
    step = action["runs"]["steps"][-1]
    given = {name: spec["default"] for name, spec in action["inputs"].items()} | inputs
    filled = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda m: given[m[1]], value)
        for name, value in step["env"].items()
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=environment | filled,
        cwd=folder,
        check=False,
    ).returncode


def test_the_action_is_a_composite_one_that_runs_nothing_of_others(action: Any):
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "uses" not in step


def test_the_actions_inputs_are_declared_and_never_pasted_into_a_script(action: Any):
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", ACTION.read_text()))
    assert used == set(action["inputs"])
    assert all("${{" not in step["run"] for step in action["runs"]["steps"])
    assert all(spec["description"] for spec in action["inputs"].values())


def test_the_action_passes_a_pinned_file(action: Any, environment: dict[str, str], tmp_path: Path):
    (tmp_path / "docker-compose.yml").write_bytes(compose_text(server=PINNED))
    assert gate(action, environment, tmp_path, arguments="--offline\n\n--service\nserver") == 0
    output = Path(environment["GITHUB_OUTPUT"]).read_text()
    assert output == "exit-code=0\nsarif=sp1tee-digests.sarif\n"
    assert (tmp_path / "sp1tee-digests.sarif").exists()


def test_attack_35_the_action_fails_for_a_tag_and_says_where(
    action: Any, environment: dict[str, str], tmp_path: Path
):
    (tmp_path / "a file.yml").write_bytes(compose_text(server="nginx:1.25"))
    assert gate(action, environment, tmp_path, compose="a file.yml", arguments="--offline") == 4
    assert '"startLine": 3' in (tmp_path / "sp1tee-digests.sarif").read_text()
    assert "nginx:1.25" in Path(environment["GITHUB_STEP_SUMMARY"]).read_text()


def test_the_action_fails_where_its_command_is_not_understood(
    action: Any, environment: dict[str, str], tmp_path: Path
):
    assert gate(action, environment, tmp_path, arguments="--no-such-option") == 2
    assert Path(environment["GITHUB_OUTPUT"]).read_text() == "exit-code=2\n"


def test_an_input_is_no_script(action: Any, environment: dict[str, str], tmp_path: Path):
    evil = '"; touch evil; echo "$(touch evil)'
    assert gate(action, environment, tmp_path, compose=evil, arguments=f"--offline\n{evil}") == 2
    assert not (tmp_path / "evil").exists()


def test_the_hook_refuses_any_file_with_a_tag(environment: dict[str, str], tmp_path: Path):
    (hook,) = parsed(HOOKS.read_text())
    assert hook["id"] == "sp1tee-verify-digests"
    (tmp_path / "good.yml").write_bytes(compose_text(server=PINNED))
    (tmp_path / "bad.yml").write_bytes(compose_text(server="nginx"))

    def run(*files: str) -> int:
        command = [*shlex.split(hook["entry"]), *files]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, check=False
        ).returncode

    assert run("good.yml", "good.yml") == 0
    assert run("bad.yml", "good.yml") == 4


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("docker-compose.yml", True),
        ("deploy/compose.prod.yaml", True),
        ("docker-compose-gpu.yml", True),
        ("composer.yml", False),
        ("docs/compose.md", False),
    ],
)
def test_the_hook_looks_at_compose_files(name: str, meant: bool):
    (hook,) = parsed(HOOKS.read_text())
    assert bool(re.search(hook["files"], name)) is meant


def test_the_examples_are_yaml_and_pin_what_they_use():
    blocks = [parsed(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(blocks) == 3
    steps = blocks[0]["jobs"]["digests"]["steps"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(re.search(r"@([0-9a-f]{40}|COMMIT)$", each) for each in used)
    assert blocks[2]["repos"][0]["hooks"] == [{"id": "sp1tee-verify-digests"}]


def test_the_exit_codes_of_the_page_are_those_of_the_program():
    from sp1tee.verify.verdict import EXIT_CODES

    listed = set(re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE))
    assert {str(code) for code in EXIT_CODES.values()} | {"2"} == listed
