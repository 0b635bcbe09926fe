"""The worker as a process: real signals, real exit codes, the executor that ships."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fulfilling import sample_work
from support.wire_data import SAMPLE_PUBLIC_VALUES
from support.worker_listener import TOKEN, WorkerListener

from sp1tee.wire.proof import decode_proof

Started = subprocess.Popen[bytes]


@pytest.fixture
def worker(listener: WorkerListener, tmp_path: Path) -> Iterator[Started]:
    token = tmp_path / "worker.token"
    token.write_text(TOKEN)
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "sp1tee", "fulfill", "--log-format", "json"),
            *("--server", listener.url, "--token-file", str(token), "--drain-s", "60"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        yield process
        process.kill()


def test_a_worker_proves_and_on_sigterm_ends_with_exit_code_0(
    listener: WorkerListener, worker: Started
):
    listener.offer(work := sample_work())
    listener.until(lambda: work.proof)
    assert decode_proof(work.proof).public_values == SAMPLE_PUBLIC_VALUES
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    log = worker.stdout.read()
    assert TOKEN.encode() not in log
    assert b"Traceback" not in log


def test_nothing_is_dumped_and_nobody_attaches(listener: WorkerListener, worker: Started):
    listener.until(lambda: listener.happened("waiting"))
    limits = Path(f"/proc/{worker.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4] == "0"
    assert Path(f"/proc/{worker.pid}/mem").stat().st_uid == 0


def test_a_second_signal_aborts(listener: WorkerListener, worker: Started):
    listener.until(lambda: listener.happened("waiting"))
    listener.statuses["proofs"] = [503] * 1000
    listener.offer(sample_work())
    listener.until(lambda: len(listener.statuses["proofs"]) < 1000)
    worker.send_signal(signal.SIGTERM)
    assert any(b'"stopping"' in line for line in worker.stdout)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) == 130


def test_a_worker_waits_for_a_server_that_is_not_there_yet(
    listener: WorkerListener, worker: Started
):
    listener.down()
    listener.up()
    listener.until(lambda: listener.happened("waiting"))
