"""The frame of all commands: help, errors, exit codes, and how fast it starts."""

import subprocess
import sys
from typing import Never

import pytest
from support.commands import Break, Run

from sp1tee import __version__
from sp1tee.cli import app as frame
from sp1tee.cli.app import COMMANDS, DEBUG
from sp1tee.cli.lazy import Entry, load
from sp1tee.cli.verify import COMMANDS as VERIFY
from sp1tee.errors import ConfigError, NetworkError, Refusal, Sp1teeError


class Heart:
    """Breaks on demand."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __call__(self, *_: object, **__: object) -> Never:
        raise self.error


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Make every command end with an error."""

    def install(error: BaseException) -> None:
        monkeypatch.setattr(frame, "app", Heart(error))

    return install


def test_the_version_is_the_packages(sp1tee: Run) -> None:
    assert sp1tee("--version").out == f"sp1tee {__version__}\n"


def test_help_lists_every_command(sp1tee: Run) -> None:
    ran = sp1tee("--help")
    assert ran.code == 0
    assert all(f" {name} " in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_line_in_the_list_is_how_its_own_help_begins(name: str) -> None:
    entry: Entry = COMMANDS[name]
    assert load(entry).help.startswith(entry.summary.removesuffix("."))


PARTS = [
    "compose check",
    "evidence fetch",
    "evidence quote",
    "evidence show",
    "evidence compose",
    "keys ca",
    "keys new",
    "keys server",
    "keys show",
    "keys worker",
    "policy check",
    "policy explain",
    "policy init",
    "policy show",
    "queue drop",
    "queue ls",
    "queue retry",
    "queue show",
    "rtmr3 compute",
    "sim dstack",
    "sim ingress",
    "sim network",
    "workers add",
    "workers drain",
    "workers ls",
    "workers resume",
    "workers revoke",
    *(f"verify {name}" for name in VERIFY),
]
GROUPS = {name.split()[0] for name in PARTS}


@pytest.mark.parametrize("name", [*COMMANDS, *PARTS])
def test_every_command_explains_itself(sp1tee: Run, name: str) -> None:
    ran = sp1tee(*name.split(), "--help")
    assert ran.code == 0
    assert ran.err == ""
    assert name in GROUPS or "Examples" in ran.out


def test_brackets_in_help_are_not_swallowed_as_markup(sp1tee: Run) -> None:
    assert "[serve]" in sp1tee("serve", "--help").out
    assert "sp1tee[fulfill]" in sp1tee("execute", "--help").out


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion(sp1tee: Run) -> None:
    ran = sp1tee("prvoe")
    assert ran.code == 2
    assert "'prove'" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("Wrong."), 2),
        (NetworkError("Away."), 3),
        (Refusal("No."), 4),
        (Sp1teeError("Hm."), 5),
    ],
)
def test_an_error_is_told_on_stderr_and_decides_the_exit_code(
    sp1tee: Run, breaks: Break, error: Sp1teeError, code: int
) -> None:
    error.advice = "Do this."
    breaks(error)
    ran = sp1tee("prove")
    assert ran.code == code
    assert ran.err == f"error {error.code}: {error.message}\n  Do this.\n"
    assert ran.out == ""


def test_on_a_terminal_an_error_is_a_panel(
    sp1tee: Run, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    breaks(ConfigError("Wrong [brackets].", advice="Do this."))
    plain = sp1tee("prove").plain
    assert "╭─ error SP1TEE-C000" in plain
    assert "Wrong [brackets]." in plain


def test_a_foreign_error_keeps_its_text_to_itself(sp1tee: Run, breaks: Break) -> None:
    breaks(ValueError("could not parse b'the private input'"))
    ran = sp1tee("prove")
    assert ran.code == 5
    assert "SP1TEE-X000" in ran.err
    assert "ValueError" in ran.err
    assert "private input" not in ran.err


def test_a_traceback_is_shown_to_who_asks_for_it(
    sp1tee: Run, breaks: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(ConfigError("Wrong."))
    assert "Traceback" not in sp1tee("prove").err
    monkeypatch.setenv(DEBUG, "1")
    assert "Traceback" in sp1tee("prove").err


def test_debug_is_also_a_flag(sp1tee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEBUG, "")
    ran = sp1tee("--debug", "keys", "show")
    assert ran.code == 2
    assert "Traceback" in ran.err


def test_an_interruption_is_130(sp1tee: Run, breaks: Break) -> None:
    breaks(KeyboardInterrupt())
    assert sp1tee("prove").code == 130


def test_help_imports_nothing_that_takes_time() -> None:
    script = (
        "import sys; from sp1tee.cli.app import run; run(['--help']);"
        "slow = {'grpc', 'requests', 'pydantic', 'structlog', 'sqlalchemy', 'sp1tee.client'};"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
