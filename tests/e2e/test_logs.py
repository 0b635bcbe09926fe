"""One request, followed through the logs of server and worker by one id."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.people import detach, eventually, fetch, fibonacci, solvency

from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e

LOUD = ("--log-format", "json", "--log-level", "debug")


def lines(process: Process) -> Iterator[dict[str, Any]]:
    for line in process.log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def about(process: Process, request: str) -> list[dict[str, Any]]:
    return [line for line in lines(process) if line.get("request") == request]


def test_one_id_leads_through_both_logs(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
) -> None:
    server = service.serve("--allow-mock", *LOUD)
    worker = service.fulfill(server, *LOUD)
    task = solvency(folder)
    watched.extend(task.secret)
    network_id = detach(task, server, key)
    fetch(network_id, server, folder / "proof.bin")
    eventually(
        lambda: any(line["event"] == "proof handed in" for line in lines(worker)) or None,
        "the worker's last line",
    )
    (request,) = {line["request"] for line in lines(server) if line["event"] == "state"}
    assert request.startswith("req_")

    steps = [line["state"] for line in about(server, request) if line["event"] == "state"]
    assert steps == ["queued", "leased", "settled"]
    paths = {line.get("path") for line in about(server, request)}
    wanted = {"/blobs/stdin/{lease}", "/blobs/program/{lease}", "/proofs/{lease}"}
    assert wanted <= paths

    events = [line["event"] for line in about(worker, request)]
    assert {"proving", "proof handed in"} <= set(events)
    # Whatever names a lease names its request.
    for process in (server, worker):
        assert all(line.get("request") == request for line in lines(process) if "lease" in line)

    said = server.log.read_text() + worker.log.read_text()
    assert network_id.removeprefix("0x") not in said


def test_who_held_a_request_and_lost_it_is_in_the_servers_log(
    service: LocalService, folder: Path, key: Path
) -> None:
    server = service.serve("--allow-mock", *LOUD, "--lease-ttl-s", "1")
    slow = service.fulfill(server, *LOUD, name="slow")
    network_id = detach(fibonacci(folder, 30_000_000), server, key, "--cycle-limit", "10000000000")
    eventually(
        lambda: any(line.get("state") == "leased" for line in lines(server)) or None, "a lease"
    )
    slow.kill()
    service.fulfill(server, *LOUD, name="second")
    eventually(lambda: any(_lost(line) for line in lines(server)) or None, "a lost lease")
    fetch(network_id, server, folder / "proof.bin")
    (request,) = {line["request"] for line in lines(server) if line["event"] == "state"}
    workers = [line["worker"] for line in about(server, request) if line.get("state") == "leased"]
    assert workers == ["slow", "second"]


def _lost(line: dict[str, Any]) -> bool:
    return line["event"] == "swept" and line["worker"] == "slow"
