"""kill -9 of anything at any moment: nothing is lost, nothing is settled twice."""

import socket
from pathlib import Path

import pytest
import requests
from support.people import (
    detach,
    eventually,
    fetch,
    fibonacci,
    metrics,
    solvency,
    sp1tee,
)

from sp1tee.client import read_key
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.hexes import to_hex

pytestmark = pytest.mark.e2e

LONG = 30_000_000
"""Keeps the executor busy for seconds: long enough to be killed in the middle."""


@pytest.fixture
def ports() -> tuple[int, int]:
    """Two free ports, so that a restarted server is found where it was."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def start(service: LocalService, ports: tuple[int, int], *flags: str) -> Process:
    """The server with its data, at its ports: the first time and every time again."""
    return service.serve(
        *("--allow-mock", "--lease-ttl-s", "2"),
        *("--listen", f"127.0.0.1:{ports[0]}", "--worker-listen", f"127.0.0.1:{ports[1]}"),
        *flags,
    )


def wait_until_leased(service: LocalService, server: Process) -> None:
    wanted = 'sp1tee_requests{state="leased"} 1.0'
    eventually(lambda: wanted in metrics(service, server) or None, "a leased request")


def test_a_request_survives_a_killed_server(
    service: LocalService,
    ports: tuple[int, int],
    folder: Path,
    key: Path,
    watched: list[bytes],
) -> None:
    server = start(service, ports)
    task = solvency(folder)
    watched.extend(task.secret)
    request_id = detach(task, server, key)
    server.kill()
    server = start(service, ports)
    service.fulfill(server)
    result = fetch(request_id, server, folder / "proof.bin")
    assert result["public_values"] == task.public_values.hex()


def test_a_request_survives_a_server_killed_while_a_worker_holds_it(
    service: LocalService, ports: tuple[int, int], folder: Path, key: Path
) -> None:
    server = start(service, ports)
    service.fulfill(server)
    request_id = detach(fibonacci(folder, LONG), server, key, "--cycle-limit", "10000000000")
    wait_until_leased(service, server)
    server.kill()
    server = start(service, ports)
    fetch(request_id, server, folder / "proof.bin")
    assert 'sp1tee_requests{state="settled"} 1.0' in metrics(service, server)


def test_a_request_survives_a_killed_worker(
    service: LocalService, ports: tuple[int, int], folder: Path, key: Path
) -> None:
    server = start(service, ports)
    worker = service.fulfill(server, name="first")
    request_id = detach(fibonacci(folder, LONG), server, key, "--cycle-limit", "10000000000")
    wait_until_leased(service, server)
    worker.kill()
    service.fulfill(server, name="second")
    fetch(request_id, server, folder / "proof.bin")


def test_a_worker_that_is_stopped_gives_its_work_back_at_once(
    service: LocalService, ports: tuple[int, int], folder: Path, key: Path
) -> None:
    server = start(service, ports)
    worker = service.fulfill(server, "--drain-s", "0", name="first")
    request_id = detach(fibonacci(folder, LONG), server, key, "--cycle-limit", "10000000000")
    wait_until_leased(service, server)
    assert worker.stop() == 0
    assert 'sp1tee_requests{state="queued"} 1.0' in metrics(service, server)
    service.fulfill(server, name="second")
    fetch(request_id, server, folder / "proof.bin")


def test_nothing_is_settled_twice_when_the_network_is_away_and_the_server_is_killed(
    service: LocalService, ports: tuple[int, int], folder: Path, key: Path
) -> None:
    operator = folder / "operator.key"
    sp1tee("keys", "new", "--out", str(operator))
    network = service.network("--fulfiller", to_hex(read_key(operator).address))
    upstream = (
        *("--network", "upstream", "--upstream-url", network.public_url),
        *("--fulfiller-key-file", str(operator)),
        *("--program-sources", f"s3://,{network.facts['artifacts']}/"),
    )
    server = start(service, ports, *upstream)
    request_id = detach(solvency(folder), server, key)
    pages = str(network.facts["artifacts"])
    lost = {"fault": "lose_reply", "method": "FulfillProof", "calls": 1}
    requests.post(f"{pages}/faults", json=lost, timeout=10).raise_for_status()
    service.fulfill(server)

    def fulfilled() -> list[dict[str, object]] | None:
        entries = requests.get(f"{pages}/ledger", timeout=10).json()
        return [e for e in entries if e["kind"] == "fulfilled"] or None

    eventually(fulfilled, "a fulfilled request, whose reply is lost")
    server.kill()
    server = start(service, ports, *upstream)
    fetch(request_id, server, folder / "proof.bin")
    assert len(fulfilled() or []) == 1
