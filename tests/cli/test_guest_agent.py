"""`sp1tee sim dstack` and `sp1tee evidence quote`: a quote from the inside, verified outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.commands import Run, Start

CHALLENGE = "c0ffee"
PADDED = CHALLENGE.ljust(128, "0")

Agent = Callable[..., dict[str, Any]]


@pytest.fixture
def socket() -> Iterator[Path]:
    with TemporaryDirectory(prefix="s") as folder:
        yield Path(os.path.realpath(folder), "dstack.sock")


@pytest.fixture
def agent(process: Start, tmp_path: Path, socket: Path) -> Agent:
    """Start an agent as a process; returns its facts."""

    def start(*flags: object) -> dict[str, Any]:
        ready = tmp_path / "ready"
        os.mkfifo(ready)
        popen = process("sim", "dstack", "--socket", socket, "--ready-file", ready, *flags)
        return {**json.loads(ready.read_text()), "process": popen}

    return start


@pytest.mark.parametrize("api", ["dstack", "tappd"])
def test_a_quote_from_the_inside_verifies_outside(
    sp1tee: Run, agent: Agent, socket: Path, tmp_path: Path, api: str
) -> None:
    facts = agent("--out", "anchors", "--api", api, "--app-id", "0a" * 20)
    ran = sp1tee("evidence", "quote", "--socket", socket, "--report-data", CHALLENGE)
    assert (ran.code, ran.err) == (0, "")
    Path("quote.json").write_text(ran.out)

    anchors = ["--root", "anchors/intel-root.der", "--collateral", "anchors/collateral.json"]
    quote = sp1tee("verify", "quote", "quote.json", "--report-data", PADDED, *anchors)
    assert quote.code == 0, quote.out
    log = sp1tee("verify", "rtmr3", "--quote", "quote.json", "--trust-quote", "--app-id", "0a" * 20)
    assert log.code == 0, log.out
    assert facts["app_id"] == "0a" * 20
    another = sp1tee("verify", "quote", "quote.json", "--report-data", "01" * 64, *anchors)
    assert another.code == 1
    intels = sp1tee("verify", "quote", "quote.json", "--collateral", "anchors/collateral.json")
    assert intels.code == 1


def test_a_quote_can_be_written_to_a_file(
    sp1tee: Run, agent: Agent, socket: Path, tmp_path: Path
) -> None:
    agent()
    flags = ["--socket", socket, "--report-data", f"0x{CHALLENGE}", "-o", "quote.json"]
    ran = sp1tee("evidence", "quote", *flags)
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(Path("quote.json").read_text())["report_data"] == PADDED


@pytest.mark.parametrize("data", ["", "0", "zz", "00" * 65])
def test_report_data_has_at_most_64_bytes(sp1tee: Run, socket: Path, data: str) -> None:
    ran = sp1tee("evidence", "quote", "--socket", socket, "--report-data", data)
    assert (ran.code, ran.out) == (2, "")


def test_without_an_agent_it_is_said_where_one_would_be(sp1tee: Run, socket: Path) -> None:
    ran = sp1tee("evidence", "quote", "--socket", socket, "--report-data", "00")
    assert ran.code == 3
    assert "SP1TEE-G001" in ran.err


def test_outside_a_guest_it_is_a_usage_error(sp1tee: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sp1tee.dstack.find_socket", lambda: None)
    ran = sp1tee("evidence", "quote", "--report-data", "00")
    assert ran.code == 2
    assert "inside a dstack guest" in ran.plain


def test_an_agent_says_that_it_protects_nothing_and_ends_when_told_to(
    agent: Agent, socket: Path
) -> None:
    popen = agent()["process"]
    assert socket.is_socket()
    popen.send_signal(signal.SIGTERM)
    _, err = popen.communicate(timeout=60)
    assert popen.returncode == 0, err
    assert "its keys are public, and its quotes prove nothing" in err
    assert not socket.exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--app-id", "0a"],
        ["--api", "new"],
        ["--misbehave", "politely"],
        ["--socket", "absent/s"],
        ["--out", "key/x"],
        [],
    ],
)
def test_an_unusable_flag_is_refused(sp1tee: Run, flags: list[str], key_file: Path) -> None:
    socket = ["--socket", "s"] if flags and "--socket" not in flags else []
    assert sp1tee("sim", "dstack", *socket, *flags).code == 2


def test_quotes_need_the_extra_for_servers() -> None:
    script = (
        "import sys; sys.modules['httpx'] = None\n"
        "from sp1tee.cli.app import run\n"
        "sys.exit(run(['evidence', 'quote', '--report-data', '00', '--socket', 's']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "pip install 'sp1tee[serve]'" in ran.stderr
