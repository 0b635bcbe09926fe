"""What is said about this machine before anything is leased."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from structlog.testing import capture_logs
from support.fulfilling import ScriptedExecutor, settings_for, within
from support.worker_listener import TOKEN, WorkerListener

from sp1tee.errors import (
    CheckupFailed,
    ConfigError,
    ExecutorUnavailable,
    ProverUnavailable,
    WorkerTokenRefused,
)
from sp1tee.fulfill import checkup, credential
from sp1tee.fulfill.doctor import Check, check_up
from sp1tee.fulfill.executors import Execution, choosing
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.fulfill.service import run_fulfiller
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


async def test_a_fit_machine_and_a_server_pass(listener: WorkerListener):
    checks = await check_up(settings_for(listener))
    assert [check.name for check in checks if check.needed and not check.ok] == []
    assert {check.name for check in checks} >= {"executor", "prover", "memory", "server", "line"}
    assert "mock proofs, which prove nothing" in named(checks, "prover").text


async def test_a_server_that_is_not_there_is_said_to_be_away(listener: WorkerListener):
    listener.down()
    checks = await check_up(settings_for(listener))
    assert not named(checks, "server").ok
    assert "Check that the server runs" in named(checks, "server").advice
    assert "service" not in {check.name for check in checks}


async def test_a_part_of_the_server_that_is_ill_is_named(listener: WorkerListener):
    assert named(await check_up(settings_for(listener)), "service").ok
    listener.why_not = {"vault": "SP1TEE-S020", "network": "unreachable"}
    check = named(await check_up(settings_for(listener)), "service")
    assert (check.ok, check.needed) == (False, False)
    assert check.text == ("The server is not ready: vault (SP1TEE-S020), network (unreachable).")


async def test_a_server_that_does_not_say_how_it_is_can_still_be_worked_for(
    listener: WorkerListener,
):
    listener.why_not = [1]  # type: ignore[assignment] - what no server of this release says
    check = named(await check_up(settings_for(listener)), "service")
    assert (check.ok, check.needed) == (False, False)


async def test_a_wrong_token_is_told_from_an_absent_server(listener: WorkerListener):
    listener.token = "another"
    check = named(await check_up(settings_for(listener)), "server")
    assert "does not accept this worker's token" in check.text


async def test_a_missing_token_is_a_finding(listener: WorkerListener):
    check = named(await check_up(settings_for(listener, token=None)), "token")
    assert not check.ok


async def test_an_executor_that_counts_wrong_is_a_finding(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    wrong = ScriptedExecutor(Execution(b"wrong", 0, 1, None, None, ""))
    monkeypatch.setattr(choosing, "UnicornExecutor", lambda **_: wrong)
    check = named(await check_up(settings_for(listener)), "executor")
    assert not check.ok
    with pytest.raises(CheckupFailed, match="executor"):
        await within(run_fulfiller(settings_for(listener), stop=asyncio.Event()))
    assert not listener.happened("waiting")


async def test_an_executor_that_cannot_start_is_a_finding(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    def unavailable(**_: int) -> None:
        raise ExecutorUnavailable("No guests here.")

    monkeypatch.setattr(choosing, "UnicornExecutor", unavailable)
    assert named(await check_up(settings_for(listener)), "executor").text == "No guests here."


async def test_an_executor_that_breaks_is_a_finding_with_what_may_be_why(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    broken = ScriptedExecutor(crashes=2, verifies=frozenset({Family.V6}))
    monkeypatch.setattr(choosing, "UnicornExecutor", lambda **_: broken)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0, total=1 << 26))
    check = named(await check_up(settings_for(listener)), "executor")
    assert (check.ok, check.needed) == (False, True)
    assert check.text.startswith("It runs no program. The child process ended with signal 9.")
    assert "shared memory: 0.0 of 0.1 GiB free at /dev/shm." in check.text


async def test_a_limit_to_gas_that_nobody_counts_is_a_finding(listener: WorkerListener):
    check = named(await check_up(settings_for(listener, max_gas=1000)), "executor")
    assert not check.ok
    assert "max_gas" in check.text


async def test_little_memory_is_mentioned_and_work_goes_on(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("", (), {"available": 1 << 30}))
    check = named(await check_up(settings_for(listener)), "memory")
    assert not check.ok
    assert not check.needed


async def test_few_open_files_are_a_finding(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checkup.resource, "getrlimit", lambda _: (64, 64))
    assert not named(await check_up(settings_for(listener)), "open files").ok


async def test_an_unencrypted_line_between_machines_is_mentioned(listener: WorkerListener):
    settings = settings_for(listener, server=f"http://0.0.0.0:{listener.port}")
    check = named(await check_up(settings), "line")
    assert not check.ok
    assert not check.needed


async def test_a_prover_that_does_not_start_is_a_finding(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    async def fail(_: MockProver) -> None:
        raise ProverUnavailable("The device is gone.")

    monkeypatch.setattr(MockProver, "check", fail)
    check = named(await check_up(settings_for(listener)), "prover")
    assert (check.ok, check.text) == (False, "The device is gone.")


async def test_a_token_file_that_is_not_there_is_a_finding(
    listener: WorkerListener, tmp_path: Path
):
    missing = tmp_path / "worker.token"
    check = named(await check_up(settings_for(listener, token=None, token_file=missing)), "token")
    assert not check.ok
    assert str(missing) in check.text


# --- the whole worker ------------------------------------------------------------------------


async def test_a_worker_without_a_token_does_not_start(listener: WorkerListener):
    with pytest.raises(ConfigError):
        await run_fulfiller(settings_for(listener, token=None), stop=asyncio.Event())


async def test_a_worker_with_a_wrong_token_ends_at_once(listener: WorkerListener):
    listener.token = "another"
    with pytest.raises(WorkerTokenRefused):
        await within(run_fulfiller(settings_for(listener), stop=asyncio.Event()))


async def test_a_worker_told_to_stop_before_the_server_is_there_ends(listener: WorkerListener):
    listener.down()
    stop = asyncio.Event()
    work = asyncio.ensure_future(run_fulfiller(settings_for(listener), stop=stop))
    stop.set()
    await within(work)


# --- a token that is not there yet -----------------------------------------------------------


async def test_a_token_that_the_server_has_yet_to_write_is_waited_for(
    listener: WorkerListener, tmp_path: Path
):
    path = tmp_path / "worker.token"
    settings = settings_for(listener, token=None, token_file=path)
    stop = asyncio.Event()
    with capture_logs() as lines:
        work = asyncio.ensure_future(run_fulfiller(settings, stop=stop))
        await listener.eventually(lambda: lines)
        draft = tmp_path / "draft"
        draft.write_text(f"{TOKEN}\n")
        draft.rename(path)
        await listener.eventually(lambda: listener.happened("waiting"))
        stop.set()
        await within(work)
    assert lines[0]["path"] == str(path)
    assert TOKEN not in str(lines)


async def test_a_token_that_nobody_writes_ends_the_worker_with_the_path(
    listener: WorkerListener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(credential, "TOKEN_SECONDS", 0.0)
    settings = settings_for(listener, token=None, token_file=tmp_path / "wroker.token")
    with pytest.raises(ConfigError, match=r"wroker\.token cannot be read") as ended:
        await within(run_fulfiller(settings, stop=asyncio.Event()))
    assert ended.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "two words"])
async def test_a_late_token_is_checked_as_any_other(
    listener: WorkerListener, tmp_path: Path, text: str
):
    path = tmp_path / "worker.token"
    settings = settings_for(listener, token=None, token_file=path)
    path.write_text(text)
    with pytest.raises(ConfigError):
        await within(run_fulfiller(settings, stop=asyncio.Event()))


async def test_a_worker_told_to_stop_before_its_token_is_there_ends(
    listener: WorkerListener, tmp_path: Path
):
    settings = settings_for(listener, token=None, token_file=tmp_path / "worker.token")
    stop = asyncio.Event()
    stop.set()
    await within(run_fulfiller(settings, stop=stop))
