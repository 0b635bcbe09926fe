"""One request in one trace, from real processes to a real collector; and nothing private in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.otlp import Collector, Seen, collecting
from support.people import detach, eventually, fetch, metrics, solvency

from sp1tee.sim.canary import found_in
from sp1tee.sim.processes import LocalService

pytestmark = pytest.mark.e2e

# Everything that a span of ours may say.
SAID = {
    "sp1tee.request",
    "sp1tee.version",
    "sp1tee.mode",
    "sp1tee.attempt",
    "sp1tee.outcome",
    "sp1tee.result",
    "http.response.status_code",
    "rpc.grpc.status_code",
}
STAGES = {"fetching", "executing", "waiting", "proving", "checking", "handing_in"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def service(tmp_path: Path, collector: Collector) -> Iterator[LocalService]:
    with LocalService(tmp_path / "service", environment=collector.environment) as service:
        yield service


def test_a_request_is_one_trace_through_server_and_worker(
    service: LocalService, collector: Collector, folder: Path, key: Path
) -> None:
    server = service.serve("--allow-mock")
    worker = service.fulfill(server)
    task = solvency(folder)
    network_id = detach(task, server, key)
    fetch(network_id, server, folder / "proof.bin")
    token = (service.folder / "server" / "worker.token").read_text().strip()
    wanted = 'sp1tee_leases_total{outcome="finished"} 1.0'
    eventually(lambda: wanted in metrics(service, server) or None, "a finished lease")
    assert worker.stop() == 0
    assert server.stop() == 0

    whole, job = collector.named("request"), collector.named("job")
    leased = collector.named("leased")
    assert whole.parent == ""
    assert whole.facts["sp1tee.outcome"] == "settled"
    assert collector.named("queued").parent == leased.parent == whole.id
    assert job.parent == leased.id
    assert (job.service, whole.service) == ("sp1tee-fulfill", "sp1tee-serve")
    assert job.facts["sp1tee.request"] == whole.facts["sp1tee.request"]
    assert job.facts["sp1tee.result"] == "handed_in"

    trace = {span.id: span for span in collector.spans if span.trace == whole.trace}
    stages = {span.name for span in trace.values() if span.parent == job.id}
    assert stages == STAGES
    calls = {span.name: trace[span.parent].name for span in trace.values() if _is_call(span)}
    assert calls == {
        "GET /blobs/stdin/{lease}": "fetching",
        "GET /blobs/program/{lease}": "fetching",
        "PUT /proofs/{lease}": "handing_in",
        "sp1tee.worker.v1.Workers/Finish": "handing_in",
    }
    assert {span.name for span in collector.spans} >= {
        "network.ProverNetwork/RequestProof",
        "PUT /artifacts/stdin/{id}",
    }

    assert set().union(*(span.facts for span in collector.spans)) <= SAID
    private = [*task.secret, token.encode(), bytes.fromhex(network_id.removeprefix("0x"))]
    private.append(network_id.removeprefix("0x").encode())
    bodies = [(str(number), body) for number, body in enumerate(collector.bodies)]
    assert found_in(bodies, private) == ()


def test_a_collector_that_is_away_stops_nothing(
    tmp_path: Path, collector: Collector, folder: Path, key: Path
) -> None:
    nobody = {**collector.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with LocalService(tmp_path / "other", environment=nobody) as service:
        server = service.serve("--allow-mock")
        worker = service.fulfill(server)
        fetch(detach(solvency(folder), server, key), server, folder / "proof.bin")
        assert worker.stop() == 0
        assert server.stop() == 0


def _is_call(span: Seen) -> bool:
    return span.name.startswith(("GET", "PUT", "sp1tee.worker"))
