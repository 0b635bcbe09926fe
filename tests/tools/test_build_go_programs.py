"""The Go programs for tests: built once, from the sources that were pinned, or said to be missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.go_programs import VARIABLES
from support.tools import ROOT

SCRIPT = ROOT / "tools" / "build_go_programs.py"
PINNED = "h1:n1if5iQgHYsujPAcO5oonH/KiSNUmqmUF0iGVjSF3AU="


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """A compiler that says what a file says, and builds a program that is but its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "go"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {tmp_path}/asked\n'
        "case $1 in\n"
        "env) printf 'go9\\nlinux\\namd64\\n';;\n"
        f"mod) cat {tmp_path}/module;;\n"
        'install) echo built > "$GOBIN/helm";;\n'
        "esac\n"
    )
    program.chmod(0o700)
    return folder


def run(tmp_path: Path, path: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": path, "SP1TEE_NATIVE_CACHE": str(tmp_path / "cache")},
    )


def module(tmp_path: Path, checksum: str) -> None:
    (tmp_path / "module").write_text(json.dumps({"Sum": checksum}))


def test_a_program_is_built_once(tmp_path: Path, go: Path) -> None:
    module(tmp_path, PINNED)
    path = f"{go}{os.pathsep}/usr/bin{os.pathsep}/bin"
    first, second = (run(tmp_path, path, "helm") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert Path(first.stdout.strip()).read_text() == "built\n"
    asked = (tmp_path / "asked").read_text()
    assert asked.count("install helm.sh/helm/v3/cmd/helm@v3") == 1


def test_another_source_than_the_pinned_one_is_not_built(tmp_path: Path, go: Path) -> None:
    module(tmp_path, "h1:AAAA")
    ran = run(tmp_path, f"{go}{os.pathsep}/usr/bin{os.pathsep}/bin", "helm")
    assert ran.returncode == 1
    assert "not the source that was pinned" in ran.stderr
    assert "install" not in (tmp_path / "asked").read_text()


def test_looking_builds_nothing(tmp_path: Path, go: Path) -> None:
    ran = run(tmp_path, f"{go}{os.pathsep}/usr/bin{os.pathsep}/bin", "--check", "helm")
    assert ran.returncode == 1
    assert "python tools/build_go_programs.py helm" in ran.stderr


def test_without_go_nothing_has_failed(tmp_path: Path) -> None:
    ran = run(tmp_path, str(tmp_path))
    assert ran.returncode == 3
    assert "go.dev" in ran.stderr


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, str(tmp_path), "minio").returncode == 2


@pytest.mark.parametrize("name", VARIABLES)
def test_every_program_that_tests_look_for_can_be_built(
    tmp_path: Path, go: Path, name: str
) -> None:
    ran = run(tmp_path, f"{go}{os.pathsep}/usr/bin{os.pathsep}/bin", "--check", name)
    assert f"{name} is not built" in ran.stderr
