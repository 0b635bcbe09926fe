"""`sp1tee compose check`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.commands import Ran, Run
from support.composes import DATA, app_compose
from support.rubbish import NOWHERE

ORIGINAL = DATA / "compose" / "sp1-private-proving.yml"
STURDY = f"""\
services:
  a:
    image: example.org/a@sha256:{"1" * 64}
    read_only: true
    mem_limit: 1g
    pids_limit: 100
    stop_grace_period: 30s
    volumes: ['/var/run/dstack.sock:/var/run/dstack.sock']
x-sp1tee:
  accepts:
    - {{check: compose.guest-agent-socket, subject: a, reason: it quotes}}
"""


@pytest.fixture
def sturdy(tmp_path: Path) -> Path:
    path = tmp_path / "docker-compose.yml"
    path.write_text(STURDY)
    return path


def checks(ran: Ran) -> dict[tuple[str, str], dict[str, Any]]:
    return {(check["id"], check["subject"]): check for check in json.loads(ran.out)["checks"]}


def test_a_file_with_nothing_to_object_to_passes(sp1tee: Run, sturdy: Path) -> None:
    ran = sp1tee("compose", "check", sturdy)
    assert (ran.code, ran.err) == (0, "")
    assert "PASS" in ran.out
    assert "it quotes (says the file itself)" in ran.out


def test_the_originals_shape_is_refused_with_its_risks(sp1tee: Run) -> None:
    ran = sp1tee("compose", "check", ORIGINAL, "--format", "json")
    assert ran.code == 4
    found = checks(ran)
    assert found["digests.pinned", "prover"]["status"] == "refused"
    assert found["digests.pinned", "prover"]["location"] == {"file": str(ORIGINAL), "line": 39}
    assert found["compose.published-ports", "server"]["status"] == "refused"
    assert found["lint.secret-environment", "server"]["status"] == "refused"
    assert found["compose.privileged", ""]["status"] == "pass"


@pytest.mark.parametrize("form", ["table", "json", "sarif", "junit", "markdown", "html"])
def test_it_is_written_in_every_format_of_a_verdict(sp1tee: Run, form: str, tmp_path: Path) -> None:
    shown = sp1tee("compose", "check", ORIGINAL, "--format", form, "--at", "1790000000")
    assert (shown.code, shown.err) == (4, "")
    assert "SP1TEE-V424" in shown.out or "compose.published-ports" in shown.out
    written = sp1tee(
        *("compose", "check", ORIGINAL, "--format", form, "--at", "1790000000"),
        *("--output", tmp_path / "report"),
    )
    assert (written.code, written.out) == (4, "")
    assert (tmp_path / "report").read_text().strip() == shown.out.strip()


def test_sarif_points_at_lines(sp1tee: Run) -> None:
    ran = sp1tee("compose", "check", ORIGINAL, "--format", "sarif")
    results = json.loads(ran.out)["runs"][0]["results"]
    lines = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"])
        for r in results
        if r["level"] == "error" and r.get("locations")
    }
    assert ("compose.published-ports", 27) in lines


def test_quietly_only_the_exit_code_speaks(sp1tee: Run, sturdy: Path) -> None:
    assert sp1tee("compose", "check", sturdy, "--quiet") == Ran(0, "", "")
    assert sp1tee("compose", "check", ORIGINAL, "-q").out == ""


def test_a_policy_decides_instead_of_the_file(sp1tee: Run, sturdy: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "sp1tee.policy.v1"\n[compose]\n')
    strict = sp1tee("compose", "check", sturdy, "--policy", policy, "--format", "json")
    assert strict.code == 4
    assert checks(strict)["compose.guest-agent-socket", "a"]["status"] == "refused"
    policy.write_text('schema = "sp1tee.policy.v1"\n[compose]\nallow = ["guest-agent-socket:a"]\n')
    assert sp1tee("compose", "check", sturdy, "--policy", policy).code == 0


def test_a_policy_may_waive_what_is_only_hygiene(sp1tee: Run, tmp_path: Path) -> None:
    file, policy = tmp_path / "docker-compose.yml", tmp_path / "policy.toml"
    file.write_text(STURDY.replace("    read_only: true\n", "").partition("    volumes")[0])
    assert sp1tee("compose", "check", file).code == 4
    policy.write_text(
        'schema = "sp1tee.policy.v1"\n[[waivers]]\ncheck = "lint.writable-root"\n'
        'reason = "it cannot do without"\nexpires = 2030-01-01\n'
    )
    flags = ["--policy", policy, "--at", "2026-11-22T00:00:00Z"]
    assert sp1tee("compose", "check", file, *flags).code == 0


def test_an_app_compose_is_taken_for_what_it_is(sp1tee: Run, tmp_path: Path) -> None:
    file = tmp_path / "app-compose.json"
    file.write_bytes(app_compose(STURDY.encode()))
    ran = sp1tee("compose", "check", file, "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["facts"]["compose.sha256"]["basis"] == "computed"
    file.write_bytes(app_compose(STURDY.encode(), public_logs=True))
    assert sp1tee("compose", "check", file).code == 4


def test_a_file_can_come_through_a_pipe() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sp1tee", "compose", "check", "-"],
        input=STURDY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("content", ["", "services:", "services: {a: {image: x}, a: {}}", "{"])
def test_what_cannot_be_read_has_an_exit_code_of_its_own(
    sp1tee: Run, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(content)
    assert sp1tee("compose", "check", file).code == 3


@pytest.mark.parametrize("where", NOWHERE)
def test_a_file_that_is_not_there_is_told(sp1tee: Run, tmp_path: Path, where: str) -> None:
    ran = sp1tee("compose", "check", NOWHERE[where](tmp_path))
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    "flags", [["--policy", "absent.toml"], ["--at", "noon"], ["--format", "pdf"], ["--offline"]]
)
def test_a_flag_that_is_none_is_refused(sp1tee: Run, sturdy: Path, flags: list[str]) -> None:
    ran = sp1tee("compose", "check", sturdy, *flags)
    assert (ran.code, ran.out) == (2, "")
