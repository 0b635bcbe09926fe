"""The server as a process: it starts, says where it is, keeps its secrets, and stops."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from support.running import PATIENCE_S, TOKEN, fresh_data, settings

from sp1tee.errors import ConfigError, ListenError, VaultKeyError, WrongVaultKeyError
from sp1tee.serve.background import Background
from sp1tee.serve.ready_file import Ready, write_ready_file
from sp1tee.serve.service import serve
from sp1tee.serve.stopping import Stopping
from sp1tee.serve.tokens import open_tokens

pytestmark = pytest.mark.anyio

PROGRAM = """
import sys
from pathlib import Path
from sp1tee import logs
from sp1tee.serve.service import run
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import load
logs.configure(json=True, level="debug")
run(load(ServeSettings, "serve", None, ready_file=Path(sys.argv[1])))
"""


@contextmanager
def process(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Ready, Path]]:
    """Run a server as a process of its own; gives it, where it is, and its log."""
    reader, writer = os.pipe()
    log = directory / "log"
    variables = {
        "SP1TEE_SERVE_LISTEN": "127.0.0.1:0",
        "SP1TEE_SERVE_WORKER_LISTEN": "127.0.0.1:0",
        "SP1TEE_SERVE_DATA_DIR": str(directory / "data"),
    }
    with log.open("wb") as sink:
        running = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, f"/dev/fd/{writer}"],
            env={**os.environ, **variables},
            pass_fds=(writer,),
            stderr=sink,
            cwd=directory,
        )
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            yield running, Ready(**json.loads(pipe.readline())), log
    finally:
        running.kill()
        running.wait()


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_says_where_it_is_and_stops_when_told_to(
    tmp_path: Path, number: signal.Signals
):
    await fresh_data(tmp_path)
    with process(tmp_path) as (running, ready, log):
        assert ready.pid == running.pid
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{ready.public}/health")).json() == {"status": "ok"}
            assert (await client.get(f"{ready.worker}/health/live")).status_code == 200
        running.send_signal(number)
        assert await anyio.to_thread.run_sync(running.wait, 20) == 0
    for line in log.read_text().splitlines():
        json.loads(line)


@pytest.mark.e2e
async def test_a_log_has_no_secrets(tmp_path: Path):
    await fresh_data(tmp_path)
    with process(tmp_path) as (running, ready, log):
        token = (tmp_path / "data" / "worker.token").read_text().strip()
        async with httpx.AsyncClient() as client:
            path = "/artifacts/stdin/artifact_01h455vb4pex5vsknk084sn02q?token=hunter2hunter2"
            assert (await client.put(ready.public + path, content=b"private")).status_code == 403
            await client.get(f"{ready.public}/proofs/hunter2hunter2")
            await client.get(f"{ready.public}/hunter2hunter2/nowhere")
            headers = {"authorization": f"Bearer {token}"}
            assert (await client.get(f"{ready.worker}/metrics", headers=headers)).status_code == 200
        running.terminate()
        assert await anyio.to_thread.run_sync(running.wait, 20) == 0
        said = log.read_text()
    assert "/artifacts/stdin/{id}" in said
    assert "/proofs/{token}" in said
    for secret in ("hunter2", token, "private", (tmp_path / "data" / "vault.key").read_text()):
        assert secret.strip() not in said


async def run_until_ready(tmp_path: Path, **changes: object) -> Ready:
    """Run a server in this process until it is ready, then stop it."""
    stop, told = asyncio.Event(), []

    def ready(where: Ready) -> None:
        told.append(where)
        stop.set()

    await serve(settings(tmp_path, **changes), ready=ready, stop=stop)
    (where,) = told
    return where


async def test_a_server_can_be_stopped_by_its_caller_and_started_again(tmp_path: Path):
    await fresh_data(tmp_path)
    first = await run_until_ready(tmp_path)
    second = await run_until_ready(tmp_path)
    assert first.pid == second.pid == os.getpid()


async def test_an_address_in_use_is_named(tmp_path: Path):
    stop = asyncio.Event()
    caught: list[ListenError] = []

    async def another(where: Ready) -> None:
        with pytest.raises(ListenError, match=r"worker_listen = 127\.0\.0\.1:[0-9]+ cannot"):
            await run_until_ready(
                tmp_path / "b", worker_listen=where.worker.removeprefix("http://")
            )
        caught.append(ListenError("x"))
        stop.set()

    tasks: list[asyncio.Task[None]] = []
    await fresh_data(tmp_path)
    await serve(
        settings(tmp_path),
        ready=lambda where: tasks.append(asyncio.ensure_future(another(where))),
        stop=stop,
    )
    await asyncio.gather(*tasks)
    assert caught


async def test_a_vault_key_from_the_settings_is_used(tmp_path: Path):
    (tmp_path / "key").write_text("ab" * 32 + "\n")
    await run_until_ready(tmp_path, vault_key_file=tmp_path / "key")
    assert not (tmp_path / "data" / "vault.key").exists()
    with pytest.raises(WrongVaultKeyError):
        await run_until_ready(tmp_path, vault_key="cd" * 32)


async def test_a_vault_key_that_is_none_is_refused_without_repeating_it(tmp_path: Path):
    with pytest.raises(VaultKeyError) as caught:
        await run_until_ready(tmp_path, vault_key="not a key at all")
    assert "not a key" not in caught.value.message


async def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data directory"):
        await run_until_ready(tmp_path, data_dir=tmp_path / "file" / "data")


async def test_the_first_signal_begins_to_stop_and_the_second_hurries():
    stopping = Stopping(None)
    with stopping.signals():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stopping.wait(), PATIENCE_S)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(stopping.wait_hurry(), PATIENCE_S)
    stopping.raise_if_failed()


async def test_a_part_that_breaks_stops_the_server_with_its_reason():
    async def break_down() -> None:
        raise ConfigError("It broke.")

    async def work() -> None:
        await asyncio.Event().wait()

    stopping = Stopping(asyncio.Event())
    stopping.begin("a good part", work())
    stopping.begin("a bad part", break_down())
    await asyncio.wait_for(stopping.wait(), PATIENCE_S)
    await stopping.end_parts()
    with pytest.raises(ConfigError, match="It broke"):
        stopping.raise_if_failed()


async def test_work_in_the_background_outlasts_who_waits_for_it():
    background, go_on, done = Background(), asyncio.Event(), []

    async def work() -> None:
        await go_on.wait()
        done.append(True)

    waiting = asyncio.create_task(background.outlast(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await background.aclose()
    assert done == [True]


def test_a_worker_token_is_made_once_for_its_owner_alone(tmp_path: Path):
    (tmp_path / "data").mkdir()
    chosen = settings(tmp_path, worker_token=None)
    token = open_tokens(chosen).worker
    file = tmp_path / "data" / "worker.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert open_tokens(chosen).worker == token
    assert len(token) >= 40
    assert open_tokens(settings(tmp_path)).worker == TOKEN


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_a_damaged_worker_token_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "worker.token").write_bytes(content)
    with pytest.raises(ConfigError, match=r"worker\.token"):
        open_tokens(settings(tmp_path, worker_token=None))


def test_a_ready_file_appears_whole_and_replaces_an_old_one(tmp_path: Path):
    file = tmp_path / "ready.json"
    file.write_text("old")
    write_ready_file(file, Ready("http://a", "http://b", 7, "operator's key file"))
    assert json.loads(file.read_text()) == {
        "public": "http://a",
        "worker": "http://b",
        "pid": 7,
        "input_protection": "operator's key file",
    }
    assert list(tmp_path.iterdir()) == [file]


def test_a_ready_file_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match="ready file"):
        write_ready_file(tmp_path / "absent" / "ready.json", Ready("http://a", "http://b", 7, "x"))
