"""What real processes tell Prometheus: well-formed, complete, and nothing of an input."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from support.people import detach, eventually, fetch, metrics, solvency

from sp1tee.sim.canary import found_in
from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e


def page_of(worker: Process) -> str | None:
    """A worker's page; it says where that is in its log."""
    lines = [json.loads(x) for x in worker.log.read_text().splitlines() if x.startswith("{")]
    url = next((line["url"] for line in lines if line["event"] == "metrics"), None)
    return None if url is None else requests.get(url, timeout=10).text


@pytest.fixture
def pages(service: LocalService, folder: Path, key: Path, watched: list[bytes]) -> dict[str, str]:
    """Both pages after a proof, of processes that know a secret."""
    server = service.serve("--allow-mock")
    worker = service.fulfill(server, "--metrics-listen", "127.0.0.1:0", "--log-format", "json")
    task = solvency(folder)
    watched.extend(task.secret)
    fetch(detach(task, server, key), server, folder / "proof.bin")
    requests.get(f"{server.public_url}/nowhere", timeout=10)

    def told() -> dict[str, str] | None:
        page = page_of(worker) or ""
        wanted = 'result="handed_in"} 1.0'
        return {"server": metrics(service, server), "worker": page} if wanted in page else None

    return eventually(told, "a proof in the worker's figures")


def test_the_pages_tell_of_the_proof_and_not_of_its_input(
    pages: dict[str, str], watched: list[bytes]
) -> None:
    assert 'sp1tee_request_seconds_count{outcome="settled"} 1.0' in pages["server"]
    assert 'sp1tee_worker_executions_total{outcome="finished"} 1.0' in pages["worker"]
    assert found_in([(name, page.encode()) for name, page in pages.items()], watched) == ()


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool on PATH (Debian's package prometheus)"
)
def test_prometheus_has_nothing_to_say_against_the_pages(pages: dict[str, str]) -> None:
    for page in pages.values():
        command = ["promtool", "check", "metrics"]
        done = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
