"""Without the extras, requesters' commands work and the others say what to install."""

import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = (
    "alembic",
    "grpc_health",
    "grpc_reflection",
    "h2corn",
    "httpx",
    "obstore",
    "prometheus_client",
    "psutil",
    "sqlalchemy",
    "unicorn",
    "uvloop",
)

WITHOUT = f"""
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
from sp1tee.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


def plain(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command", ["--help", "prove --help", "wait --help", "status --help", "keys --help"]
)
def test_a_requesters_commands_need_no_extra(command: str) -> None:
    ran = plain(*command.split())
    assert ran.returncode == 0, ran.stderr
    assert "Usage: sp1tee" in ran.stdout


def test_a_key_can_be_made(tmp_path: Path) -> None:
    ran = plain("keys", "new", "--out", str(tmp_path / "key"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("0x")


def test_the_client_library_needs_no_extra() -> None:
    script = WITHOUT.partition("from sp1tee.cli")[0] + "import sp1tee.client"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("serve", "serve"),
        ("fulfill", "fulfill"),
        ("doctor", "fulfill"),
        ("top", "serve"),
        ("sim network", "serve"),
        ("demo", "all"),
    ],
)
def test_the_other_commands_say_what_to_install(command: str, extra: str) -> None:
    ran = plain(*command.split())
    assert ran.returncode == 2
    assert "SP1TEE-C001" in ran.stderr
    assert f"pip install 'sp1tee[{extra}]'" in ran.stderr
    assert ran.stdout == ""


def test_execute_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "x.elf").touch()
    ran = plain("execute", str(tmp_path / "x.elf"))
    assert ran.returncode == 2
    assert "pip install 'sp1tee[fulfill]'" in ran.stderr
