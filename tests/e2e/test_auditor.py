"""An auditor before a whole host: real processes, real sockets, one command."""

import contextlib
import io
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.people import sp1tee

from sp1tee.cli.app import run
from sp1tee.sim.ingress import (
    ATTACKS,
    Host,
    Ports,
    SimIngress,
    attacked,
    build,
    instructions,
    reader,
)
from sp1tee.sim.processes import Process
from sp1tee.verify.policy.rulebook import rules

pytestmark = pytest.mark.e2e
CAUGHT = {"fail", "refused", "unevaluable"}
CODES = {rule.id: rule.code for rule in rules()}
SLOW = {"slow-file": "waits for a deadline of ten seconds"}


@contextmanager
def ingress(folder: Path, *attacks: str, layout: str = "domain") -> Iterator[list[str]]:
    """`sp1tee sim ingress`; yields the arguments with which it says that it can be verified."""
    flags = [flag for attack in attacks for flag in ("--attack", attack)]
    arguments = ["sim", "ingress", "--out", str(folder / "host"), "--layout", layout, *flags]
    process = Process.start("ingress", arguments, folder / "ingress.log")
    try:
        yield shlex.split(str(process.facts["verify"]))[1:]
    finally:
        assert process.stop() == 0


def verified(arguments: list[str], *more: str) -> tuple[int, dict[str, Any]]:
    done = sp1tee(*arguments, *more, "--format", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("layout", ["domain", "single"])
def test_an_honest_host_passes_and_so_does_its_saved_evidence(tmp_path: Path, layout: str) -> None:
    kept = tmp_path / "evidence.tar"
    with ingress(tmp_path, layout=layout) as command:
        code, live = verified(command, "--save", str(kept))
    assert (code, live["verdict"]) == (0, "pass"), [
        c for c in live["checks"] if c["status"] in CAUGHT
    ]
    policy = next(flag for flag in command if flag.startswith("--policy"))
    again = verified(["verify", "all", str(kept), policy, "--offline"], "--at", live["at"])
    assert again == (0, live)


def test_without_a_policy_nothing_passes_and_the_lines_it_would_need_are_shown(
    tmp_path: Path,
) -> None:
    with ingress(tmp_path) as command:
        bare = [flag for flag in command if not flag.startswith("--policy")]
        done = sp1tee(*bare)
    assert done.returncode in (1, 3)  # the stand-in's root is nobody's, so its quote even fails
    assert "[rtmr3]" in done.stdout
    assert "app_id" in done.stdout


@pytest.mark.parametrize(
    "attack",
    [
        "relay",
        "simulator",
        "own-os",
        "dev-image",
        "out-of-date",
        "another-application",
        "reordered",
        "another-compose",
        "mutable-tag",
        "caa-none",
        "resolvers-disagree",
        "expired-collateral",
    ],
)
def test_each_attack_ends_with_the_check_the_code_and_an_explanation(
    tmp_path: Path, attack: str
) -> None:
    with ingress(tmp_path, attack) as command:
        code, report = verified(command)
    caught = [check for check in report["checks"] if check["status"] in CAUGHT]
    named = [check for check in caught if check["id"] in ATTACKS[attack].expects]
    assert named, [check["id"] for check in caught]
    assert (code, report["exit_code"]) == (
        report["exit_code"],
        {"fail": 1, "refused": 4, "unevaluable": 3}[report["verdict"]],
    )
    for check in named:
        assert check["code"] == CODES[check["id"]]
        assert check["summary"]
        assert check["remedy"] or check["details"]


@pytest.mark.anyio
@pytest.mark.parametrize("attack", [name for name in ATTACKS if name not in SLOW])
async def test_every_attack_is_caught_over_the_network(tmp_path: Path, attack: str) -> None:
    host = Host(at=int(time.time()), seed=attack.encode())
    for name, body in reader.files(host).items():
        (tmp_path / name).write_bytes(body)
    async with SimIngress(build(attacked(host, [attack])), Ports()) as running:
        command = instructions.command(running, tmp_path)
        code, out = await anyio.to_thread.run_sync(
            in_this_process,
            [*command[1:], "--format", "json", "--output", str(tmp_path / "report.json")],
        )
    assert out == ""
    report = json.loads((tmp_path / "report.json").read_text())
    caught = {check["id"] for check in report["checks"] if check["status"] in CAUGHT}
    assert code == report["exit_code"] != 0
    assert caught & set(ATTACKS[attack].expects), sorted(caught)


def in_this_process(arguments: list[str]) -> tuple[int, str]:
    """A process each would cost more than all the rest; what it prints is checked elsewhere."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        return run(arguments), out.getvalue()


def test_the_list_of_commands_imports_nothing_heavy() -> None:
    code = "import sys; from sp1tee.cli.app import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pydantic", "cryptography", "dns", "requests", "ruamel", "grpc", "dcap_qvl"} & set(
        done.stderr.split()
    )
