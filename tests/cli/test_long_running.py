"""`serve`, `fulfill`, `doctor` and `sim`: from flags to settings, from signals to an end."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from support.commands import Run, Start

from sp1tee.errors import ConfigError, WorkerTokenRefused
from sp1tee.fulfill.doctor import Check
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.serve.settings import ServeSettings
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub


@pytest.fixture(autouse=True)
def _logs_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sp1tee.logs.configure", lambda **_: None)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeSettings]:
    seen: list[ServeSettings] = []
    monkeypatch.setattr("sp1tee.serve.service.run", seen.append)
    return seen


@pytest.fixture
def fulfilled(monkeypatch: pytest.MonkeyPatch) -> list[FulfillSettings]:
    seen: list[FulfillSettings] = []

    async def run(settings: FulfillSettings, *, stop: asyncio.Event) -> None:
        assert not stop.is_set()
        seen.append(settings)

    monkeypatch.setattr("sp1tee.cli.fulfill.run_fulfiller", run)
    return seen


class TestServe:
    def test_flags_become_settings(self, sp1tee: Run, served: list[ServeSettings]) -> None:
        flags = ["--listen", "127.0.0.1:0", "--allow-mock", "--max-stdin-bytes", "5MiB"]
        lists = ["--program-sources", "s3://,https://x.example/", "--failure-replies", "text"]
        assert sp1tee("serve", *flags, *lists).code == 0
        [settings] = served
        assert settings.listen == "127.0.0.1:0"
        assert settings.allow_mock is True
        assert settings.max_stdin_bytes == 5 << 20
        assert settings.program_sources == ("s3://", "https://x.example/")
        assert settings.failure_replies == "text"

    def test_the_file_in_this_folder_counts(
        self, sp1tee: Run, served: list[ServeSettings], tmp_path: Path
    ) -> None:
        (tmp_path / "sp1tee.toml").write_text("[serve]\nmax_attempts = 7\n")
        sp1tee("serve")
        assert served[0].max_attempts == 7

    def test_a_secret_comes_from_its_file(
        self, sp1tee: Run, served: list[ServeSettings], tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("0123456789abcdef\n")
        sp1tee("serve", "--worker-token-file", "token")
        assert served[0].worker_token is not None
        assert served[0].worker_token.get_secret_value() == "0123456789abcdef"

    @pytest.mark.parametrize(
        "flags",
        [
            ["--listen", "nowhere"],
            ["--max-attempts", "0"],
            ["--network", "other"],
            ["--network", "upstream"],
            ["--config", "missing.toml"],
            ["--worker-token", "0123456789abcdef"],
        ],
    )
    def test_an_unusable_flag_is_a_usage_error(
        self, sp1tee: Run, served: list[ServeSettings], flags: list[str]
    ) -> None:
        ran = sp1tee("serve", *flags)
        assert ran.code == 2
        assert ran.err
        assert served == []


class TestFulfill:
    def test_flags_become_settings(
        self, sp1tee: Run, fulfilled: list[FulfillSettings], tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("0123456789abcdef")
        server = ["--server", "http://127.0.0.1:9", "--token-file", "token"]
        ran = sp1tee("fulfill", *server, "--prefetch", "2", "--execute-seconds", "1.5")
        assert ran.code == 0, ran.err
        [settings] = fulfilled
        assert settings.server == "http://127.0.0.1:9"
        assert settings.prefetch == 2
        assert settings.execute_seconds == 1.5

    def test_a_failure_has_its_own_exit_code(
        self, sp1tee: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refused(*_: object, **__: object) -> None:
            raise WorkerTokenRefused("The server does not take the token.")

        monkeypatch.setattr("sp1tee.cli.fulfill.run_fulfiller", refused)
        ran = sp1tee("fulfill")
        assert ran.code == 2
        assert "SP1TEE-F001" in ran.err


class TestDoctor:
    @pytest.fixture
    def found(self, monkeypatch: pytest.MonkeyPatch) -> list[Check]:
        checks = [
            Check("executor", ok=True, text="It runs."),
            Check("swap", ok=False, text="2 GiB.", advice="Turn it off.", needed=False),
        ]

        async def check_up(_: FulfillSettings) -> list[Check]:
            return checks

        monkeypatch.setattr("sp1tee.cli.doctor.check_up", check_up)
        return checks

    @pytest.mark.usefixtures("found")
    def test_what_is_not_needed_only_warns(self, sp1tee: Run) -> None:
        ran = sp1tee("doctor")
        assert ran.code == 0
        assert ran.out.splitlines() == [
            "ok    executor  It runs.",
            "warn  swap      2 GiB. Turn it off.",
        ]

    def test_what_is_needed_fails(self, sp1tee: Run, found: list[Check]) -> None:
        found.append(Check("server", ok=False, text="It is away."))
        ran = sp1tee("doctor", "--format", "json")
        assert ran.code == 1
        told = json.loads(ran.out)
        assert told["ok"] is False
        assert [check["name"] for check in told["checks"]] == ["executor", "swap", "server"]


class TestSimNetwork:
    def test_it_answers_until_it_is_told_to_stop(self, process: Start, tmp_path: Path) -> None:
        import os

        ready = tmp_path / "ready"
        os.mkfifo(ready)
        started = process("sim", "network", "--listen", "127.0.0.1:0", "--ready-file", ready)
        facts = json.loads(ready.read_text())
        assert facts["pid"] == started.pid
        assert facts["artifacts"].startswith("http://127.0.0.1:")
        with grpc.insecure_channel(facts["public"].removeprefix("http://")) as channel:
            request = types_pb2.GetNonceRequest(address=b"\x01" * 20)
            assert ProverNetworkStub(channel).GetNonce(request, timeout=30).nonce == 0
        started.send_signal(signal.SIGTERM)
        out, err = started.communicate(timeout=60)
        assert started.returncode == 0, err
        assert out == ""

    @pytest.mark.parametrize(
        "flags",
        [
            ["--fault", "nonsense"],
            ["--fault", '{"fault": "unheard of"}'],
            ["--fulfiller", "0x00"],
            ["--tls-cert", "cert.pem"],
            ["--tls-cert", "missing.pem", "--tls-key", "missing.pem"],
        ],
    )
    def test_an_unusable_flag_is_refused(self, sp1tee: Run, flags: list[str]) -> None:
        ran = sp1tee("sim", "network", *flags)
        assert ran.code in (1, 2)
        assert ran.err.startswith("error SP1TEE-")


SIGNALLED = """
import asyncio, os, signal, sys
from sp1tee.cli import running

async def work(stop):
    for name in sys.argv[2:]:
        os.kill(os.getpid(), signal.Signals[name])
    await stop.wait()
    print("stopped")

if sys.argv[1] == "asyncio":
    running._runner = lambda: asyncio.run
running.run_until_stopped(work)
"""
"""Signals itself while its loop is busy: no signal is handled by the loop before the last came."""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
class TestSignals:
    def run(self, loop: str, *signals: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", SIGNALLED, loop, *signals]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
    def test_the_first_one_stops_the_work(self, loop: str, name: str) -> None:
        ended = self.run(loop, name)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "stopped\n", "")

    @pytest.mark.parametrize("first", ["SIGTERM", "SIGINT"])
    @pytest.mark.parametrize("second", ["SIGTERM", "SIGINT"])
    def test_a_second_one_that_comes_at_once_ends_it(
        self, loop: str, first: str, second: str
    ) -> None:
        ended = self.run(loop, first, second)
        assert ended.returncode == -signal.Signals[second]
        assert ended.stdout == ""


class TestReadyFile:
    def test_it_appears_whole(self, tmp_path: Path) -> None:
        from sp1tee.cli.running import announce

        announce(tmp_path / "ready", {"pid": 1})
        assert [path.name for path in tmp_path.iterdir()] == ["ready"]
        assert json.loads((tmp_path / "ready").read_text()) == {"pid": 1}

    def test_nowhere_is_told_as_such(self, tmp_path: Path) -> None:
        from sp1tee.cli.running import announce

        with pytest.raises(ConfigError, match="cannot be written"):
            announce(tmp_path / "missing" / "ready", {})
