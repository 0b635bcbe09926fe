"""`sp1tee top`, on real servers: once, on a terminal, and where there is none."""

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from support.commands import Run, Start
from support.running import TOKEN, Running, running

from sp1tee.errors import ConfigError, ServerAway, WorkerTokenRefused

pytestmark = pytest.mark.anyio

CURSOR_SHOWN, SCREEN_LEFT = b"\x1b[?25h", b"\x1b[?1049l"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN)
    return path


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as served:
        yield served


def where(served: Running, token_file: Path) -> list[str]:
    return ["--server", served.server.worker.url, "--token-file", str(token_file)]


async def test_one_frame_shows_what_is_going_on(
    served: Running, token_file: Path, process: Start
) -> None:
    await served.leased()
    await served.queued()
    top = process("top", "--once", *where(served, token_file))
    out, err = await anyio.to_thread.run_sync(top.communicate)
    assert (top.returncode, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert rows["queued"][0] == rows["leased"][0] == "1"
    assert rows["gpu-1"][0] == "active"
    assert "ready" in rows["sp1tee"]
    assert TOKEN not in out
    assert "\x1b" not in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_without_a_terminal_frames_follow_each_other_until_it_is_told_to_end(
    served: Running, token_file: Path, process: Start, number: signal.Signals
) -> None:
    top = process("top", "--interval", "0.1", *where(served, token_file))

    def two_frames() -> int:
        assert top.stdout is not None
        seen = 0
        while seen < 2:
            line = top.stdout.readline()
            assert line
            seen += line.startswith("sp1tee ")
        top.send_signal(number)
        return top.wait()

    assert await anyio.to_thread.run_sync(two_frames) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_terminal_is_left_as_it_was(
    served: Running, token_file: Path, number: signal.Signals
) -> None:
    def on_a_terminal() -> tuple[int, bytes]:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "sp1tee", "top", *where(served, token_file)]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        top = subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment)
        os.close(theirs)
        shown = b""
        while b"since its start" not in shown:
            shown += os.read(ours, 65536)
        top.send_signal(number)
        code = top.wait()
        while select.select([ours], [], [], 0)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed, and everything was read
                break
        os.close(ours)
        return code, shown

    code, shown = await anyio.to_thread.run_sync(on_a_terminal)
    assert code == 0
    assert CURSOR_SHOWN in shown
    assert SCREEN_LEFT in shown


async def test_a_server_that_goes_away_is_said_to_be_and_watched_on(
    served: Running, token_file: Path, process: Start
) -> None:
    top = process("top", "--interval", "0.1", *where(served, token_file))

    def until(text: str) -> None:
        assert top.stdout is not None
        while text not in top.stdout.readline():
            assert top.poll() is None

    await anyio.to_thread.run_sync(until, "· ready ·")
    await served.server.worker.stop()
    await anyio.to_thread.run_sync(until, "does not answer")
    top.send_signal(signal.SIGINT)
    assert await anyio.to_thread.run_sync(top.wait) == 0


async def test_a_wrong_token_ends_it(served: Running, tmp_path: Path, process: Start) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-token")
    top = process("top", *where(served, wrong))
    out, err = await anyio.to_thread.run_sync(top.communicate)
    assert (top.returncode, out) == (2, "")
    assert WorkerTokenRefused.code in err


def test_a_server_that_is_not_there_is_said_to_be(sp1tee: Run, token_file: Path) -> None:
    ran = sp1tee("top", "--once", "--server", "http://127.0.0.1:9", "--token-file", token_file)
    assert ran.code == 3
    assert ServerAway.code in ran.err


async def test_another_listener_is_not_taken_for_the_workers(
    served: Running, token_file: Path, process: Start
) -> None:
    flags = ["--server", served.server.public.url, "--token-file", str(token_file)]
    top = process("top", "--once", *flags)
    _, err = await anyio.to_thread.run_sync(top.communicate)
    assert top.returncode == 3
    assert "is this its worker listener?" in err


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--server", "workers.example.org"], "URL"),
        (["--server", "http://user:hunter2@x"], "URL"),
        (["--token-file", "nowhere"], "cannot be read"),
        (["--token-file", "spaced"], "no worker token"),
        (["--ca-file", "nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(
    sp1tee: Run, token_file: Path, flags: list[str], text: str
) -> None:
    Path("spaced").write_text("two words")
    ran = sp1tee("top", "--once", "--token-file", token_file, *flags)
    assert ran.code == ConfigError.exit_code
    assert text in ran.err
    assert "hunter2" not in ran.err
