"""Chained enclaves: the worker of one server has its proofs made by another server."""

from pathlib import Path

import pytest
from support.people import detach, eventually, metrics, prove, solvency, sp1tee

from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e


def chain(service: LocalService, inner: Process, *flags: str) -> tuple[Process, Process]:
    """An outer server, and its worker that asks the inner one."""
    outer = service.serve("--allow-mock", name="outer")
    to_inner = ("--prover", "gateway", "--prover-url", inner.public_url, "--gateway-mock")
    return outer, service.fulfill(outer, *to_inner, *flags, name="gateway")


def test_a_proof_comes_through_two_servers(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
) -> None:
    inner = service.serve("--allow-mock", name="inner")
    service.fulfill(inner, name="prover")
    outer, worker = chain(service, inner)
    task = solvency(folder)
    watched.extend(task.secret)
    for mode in ("core", "groth16"):
        result = prove(task, outer, key, folder / f"{mode}.bin", "--mode", mode)
        assert result["mock"] is True
        assert result["public_values"] == task.public_values.hex()
    assert worker.alive


def test_a_worker_that_stops_cancels_what_it_asked_for(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
) -> None:
    inner = service.serve("--allow-mock", name="inner")
    outer, worker = chain(service, inner, "--drain-s", "0")
    task = solvency(folder)
    watched.extend(task.secret)
    detach(task, outer, key)

    def waits() -> bool:
        return 'sp1tee_requests{state="queued"} 1.0' in metrics(service, inner)

    eventually(lambda: waits() or None, "the request at the inner server")
    assert worker.stop() == 0
    eventually(lambda: not waits() or None, "the request's end there")


def test_a_gateway_elsewhere_is_refused_by_name(service: LocalService) -> None:
    outer = service.serve("--allow-mock", name="outer")
    worker = service.fulfill(
        outer, "--prover", "gateway", "--prover-url", "https://192.0.2.1", name="gateway"
    )
    assert worker.popen.wait(30) == 2
    assert "--allow-off-host 192.0.2.1" in worker.log_tail()
    token = str(service.folder / "outer" / "worker.token")
    named = ("--prover-url", "https://192.0.2.1", "--server", outer.worker_url)
    found = sp1tee("doctor", "--prover", "gateway", *named, "--token-file", token)
    assert found.returncode == 1
    assert "192.0.2.1 is not allowed to see it" in found.stdout
