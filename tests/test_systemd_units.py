"""The systemd units in docs/operations, as systemd itself reads and rates them."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "operations"
UNITS = {"sp1tee-serve.service": 1.5, "sp1tee-fulfill.service": 2.2}
"""How exposed each may be at most, of 10: what is left is what it is for, such as a network."""
SHARED = {"NoNewPrivileges=yes", "UMask=0077", "MemorySwapMax=0", "LimitCORE=0", "DynamicUser=yes"}

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (systemd)"
)


def analyze(*arguments: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_every_line_of_a_unit(name: str, tmp_path: Path) -> None:
    text = (FOLDER / name).read_text().replace("/usr/local/bin/sp1tee", "/bin/true")
    (tmp_path / name).write_text(text)
    said = analyze("verify", "--man=no", str(tmp_path / name))
    assert [line for line in said.splitlines() if name in line] == []


@needs_systemd
@pytest.mark.parametrize(("name", "most"), UNITS.items())
def test_a_unit_leaves_little_open(name: str, most: float) -> None:
    threshold = str(round(most * 10))
    said = analyze("security", "--offline=yes", f"--threshold={threshold}", str(FOLDER / name))
    rated = next(line for line in said.splitlines() if "exposure level" in line)
    assert float(rated.split(":")[1].split()[0]) <= most


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_keeps_inputs_in_memory(name: str) -> None:
    lines = set((FOLDER / name).read_text().splitlines())
    assert lines >= SHARED


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_with_options_that_it_has(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("ExecStart="))
    _, command, *arguments = shlex.split(line.removeprefix("ExecStart="))
    done = subprocess.run(
        [sys.executable, "-m", "sp1tee", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [part for part in arguments if part.startswith("--") and part not in done.stdout] == []
