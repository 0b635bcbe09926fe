"""`sp1tee sim ingress`: a host in a process of its own, and what it says of itself."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import requests
from support.commands import Run, Start

from sp1tee.sim.ingress import ATTACKS


@pytest.fixture
def started(process: Start, tmp_path: Path) -> tuple[subprocess.Popen[str], dict[str, object]]:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    flags = ["--out", "folder", "--ready-file", ready, "--attack", "listed-file-altered"]
    popen = process("sim", "ingress", *flags)
    facts: dict[str, object] = json.loads(ready.read_text())
    return popen, facts


def test_it_serves_until_it_is_told_to_stop(
    started: tuple[subprocess.Popen[str], dict[str, object]], tmp_path: Path
) -> None:
    popen, facts = started
    assert facts["pid"] == popen.pid
    assert requests.get(str(facts["info"]), timeout=30).json()["app_name"] == "sp1tee-sim"
    popen.send_signal(signal.SIGTERM)
    out, err = popen.communicate(timeout=60)
    assert popen.returncode == 0, err
    assert "This host is synthetic and proves nothing" in err
    told = dict(line.split("  ", 1) for line in out.splitlines())
    assert told["verify"].strip() == facts["verify"]
    assert told["synthetic"].strip() == "this host proves nothing"


def test_it_prints_the_command_that_verifies_it(
    started: tuple[subprocess.Popen[str], dict[str, object]], tmp_path: Path
) -> None:
    words = shlex.split(str(started[1]["verify"]))
    assert words[:4] == ["sp1tee", "verify", "all", started[1]["host"]]
    flags = [word.partition("=")[0] for word in words[4:]]
    assert set(flags) == {
        *("--policy", "--resolver", "--connect", "--info", "--pccs", "--registry"),
    }
    folder = Path(str(started[1]["folder"]))
    assert folder == tmp_path / "folder"
    assert words[4] == f"--policy={folder / 'policy.toml'}"
    anchors = tomllib.loads((folder / "policy.toml").read_text())["anchors"]
    assert all((folder / name).is_file() for name in anchors.values())


def test_attacks_are_listed_with_what_must_catch_them(sp1tee: Run) -> None:
    ran = sp1tee("sim", "ingress", "--list-attacks")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.split() == ["NAME", "NUMBERS", "CAUGHT", "BY", "WHAT", "THE", "HOST", "DOES"]
    assert [row.split()[0] for row in rows] == list(ATTACKS)
    assert "cert.leaf" in next(row for row in rows if row.startswith("relay "))


@pytest.mark.parametrize(
    "flags",
    [
        ["--out", "folder", "--attack", "magic"],
        ["--out", "folder", "--layout", "round"],
        ["--out", "folder", "--port", "70000"],
        [],
    ],
)
def test_an_unusable_flag_is_refused(sp1tee: Run, flags: list[str], tmp_path: Path) -> None:
    assert sp1tee("sim", "ingress", *flags).code == 2
    assert not (tmp_path / "folder").exists()


def test_a_folder_that_cannot_be_written_is_refused(sp1tee: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = sp1tee("sim", "ingress", "--out", "file")
    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_it_needs_no_extra() -> None:
    without = "import sys; sys.modules['uvloop'] = sys.modules['h2corn'] = None\n"
    script = f"{without}from sp1tee.cli.app import run\nsys.exit(run(['sim', 'ingress', '--help']))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage: sp1tee sim ingress" in ran.stdout
