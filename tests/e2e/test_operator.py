"""An operator's day on real processes: workers with tokens of their own, a poisoned request."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.people import detach, eventually, fetch, fibonacci, metrics, prove, solvency, sp1tee

from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e

LONG = 300_000_000
"""Keeps the executor busy for seconds: long enough to be killed in the middle."""
CYCLES = ("--cycle-limit", "100000000000")

Operate = Callable[..., str]


@pytest.fixture
def operate(service: LocalService) -> Operate:
    """`sp1tee queue …` or `sp1tee workers …`, which must succeed; gives what it printed."""

    def run(server: Process, *arguments: str) -> str:
        token = service.folder / server.name / "admin.token"
        where = ("--server", server.worker_url, "--token-file", str(token))
        done = sp1tee(*arguments, *where)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def in_json(operate: Operate, server: Process, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(operate(server, *arguments, "--format", "json"))
    return told


def wait_until(service: LocalService, server: Process, state: str) -> None:
    wanted = f'sp1tee_requests{{state="{state}"}} 1.0'
    eventually(lambda: wanted in metrics(service, server) or None, f"a {state} request")


def test_a_worker_s_token_is_replaced_and_revoked_while_everything_runs(
    service: LocalService, operate: Operate, folder: Path, key: Path, watched: list[bytes]
) -> None:
    server = service.serve("--allow-mock")
    first, second = folder / "first.token", folder / "second.token"
    operate(server, "workers", "add", "gpu-1", "--out", str(first))
    worker = service.fulfill(server, "--token-file", str(first), name="gpu-1")
    task = solvency(folder)
    watched.extend(task.secret)
    prove(task, server, key, folder / "one.bin")

    operate(server, "workers", "add", "gpu-1", "--out", str(second))
    assert worker.stop() == 0
    worker = service.fulfill(server, "--token-file", str(second), name="gpu-1")
    (listed,) = in_json(operate, server, "workers", "ls")["workers"]
    operate(server, "workers", "revoke", "gpu-1", "--token", listed["tokens"][0]["id"])
    prove(fibonacci(folder, 10), server, key, folder / "two.bin")

    assert worker.stop() == 0
    refused = service.fulfill(server, "--token-file", str(first), name="gpu-1-again")
    assert refused.popen.wait(60) != 0
    assert "token" in refused.log_tail()


def test_a_poisoned_request_is_held_then_shown_then_proved_after_a_retry(
    service: LocalService, operate: Operate, folder: Path, key: Path
) -> None:
    server = service.serve(
        *("--allow-mock", "--poisoned", "hold", "--max-attempts", "1", "--lease-ttl-s", "5")
    )
    request_id = detach(fibonacci(folder, LONG), server, key, *CYCLES)
    killed = service.fulfill(server, name="killed")
    wait_until(service, server, "leased")
    killed.kill()
    wait_until(service, server, "held")

    shown = in_json(operate, server, "queue", "show", request_id)
    assert shown["state"] == "held"
    assert [(tried["worker"], tried["outcome"]) for tried in shown["tries"]] == [("killed", "lost")]

    operate(server, "queue", "retry", request_id)
    service.fulfill(server, name="second")
    fetch(request_id, server, folder / "proof.bin")


def test_a_worker_that_dies_again_and_again_stands_in_quarantine_until_it_is_resumed(
    service: LocalService, operate: Operate, folder: Path, key: Path
) -> None:
    server = service.serve(
        *("--allow-mock", "--quarantine-after", "2", "--max-attempts", "9", "--lease-ttl-s", "5")
    )
    token = folder / "token"
    operate(server, "workers", "add", "gpu-1", "--out", str(token))
    request_id = detach(fibonacci(folder, LONG), server, key, *CYCLES)
    for _ in range(2):
        dying = service.fulfill(server, "--token-file", str(token), name="gpu-1")
        wait_until(service, server, "leased")
        dying.kill()
        wait_until(service, server, "queued")

    healthy = service.fulfill(server, "--token-file", str(token), name="gpu-1")
    service.wait_for(healthy, server)
    (listed,) = in_json(operate, server, "workers", "ls")["workers"]
    assert listed["state"] == "quarantined"
    assert "2 were lost" in listed["reason"]
    assert in_json(operate, server, "queue", "show", request_id)["attempts"] == 2

    operate(server, "workers", "resume", "gpu-1")
    fetch(request_id, server, folder / "proof.bin")
