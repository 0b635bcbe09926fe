"""`tools/build_native.py`, with a cargo that compiles nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "build_native.py"
PROGRAMS = ["sp1tee-prover", "sdk-client"]

pytestmark = pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A cache of its own, and programs that stand in for what a build needs."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("protoc", "cc", "cmake"):
        (tools / name).symlink_to("/bin/true")
    cargo = tools / "cargo"
    cargo.write_text(
        "#!/bin/sh -e\n"
        f'echo "$@" >> {tmp_path}/calls\n'
        'mkdir -p "$CARGO_TARGET_DIR/release"\n'
        f"for name in {' '.join(PROGRAMS)}; do\n"
        '  echo "$RUSTFLAGS" > "$CARGO_TARGET_DIR/release/$name"\n'
        "done\n"
    )
    cargo.chmod(0o755)
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    return os.environ | {"PATH": path, "SP1TEE_NATIVE_CACHE": str(tmp_path / "cache")}


def start(environment: dict[str, str], *flags: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *flags],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(environment: dict[str, str], *flags: str) -> tuple[int, str, str]:
    process = start(environment, *flags)
    said, complained = process.communicate()
    return process.returncode, said, complained


def calls(tmp_path: Path) -> list[str]:
    log = tmp_path / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_check_says_that_there_is_no_build(environment: dict[str, str], tmp_path: Path) -> None:
    code, said, complained = run(environment, "--check")
    assert (code, said) == (1, "")
    assert "no build in" in complained
    assert calls(tmp_path) == []


def test_a_build_is_made_once_and_found_again(environment: dict[str, str], tmp_path: Path) -> None:
    code, said, _ = run(environment)
    assert code == 0
    programs = [Path(line) for line in said.splitlines()]
    assert [program.name for program in programs] == PROGRAMS
    assert all(program.read_text() == "-C target-cpu=native\n" for program in programs)
    assert run(environment)[:2] == (0, said)
    assert run(environment, "--check")[:2] == (0, said)
    assert calls(tmp_path) == ["build --locked --release"]


def test_another_processor_is_another_build(environment: dict[str, str], tmp_path: Path) -> None:
    here = run(environment)[1]
    there = run(environment | {"SP1TEE_NATIVE_CPU": "x86-64-v2"})[1]
    assert here != there
    assert len(calls(tmp_path)) == 2


def test_two_at_once_build_once(environment: dict[str, str], tmp_path: Path) -> None:
    both = [start(environment) for _ in range(2)]
    ended = [(process.communicate()[0], process.returncode) for process in both]
    assert ended[0] == ended[1]
    assert ended[0][1] == 0
    assert len(calls(tmp_path)) == 1


def test_a_failed_build_leaves_nothing_to_be_found(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "bin" / "cargo").write_text("#!/bin/sh\nexit 101\n")
    code, _, complained = run(environment)
    assert code == 1
    assert "exit code 101" in complained
    assert run(environment, "--check")[0] == 1


def test_what_is_missing_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin" / "protoc").unlink()
    rustc = shutil.which("rustc")
    assert rustc is not None
    only = environment | {"PATH": os.pathsep.join([str(tmp_path / "bin"), str(Path(rustc).parent)])}
    code, _, complained = run(only)
    assert code == 1
    assert "protobuf-compiler" in complained
