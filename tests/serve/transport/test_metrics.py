"""What /metrics says, of a real server on real sockets."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from support.running import AUTH, PATIENCE_S, Running, a_proof, running

from sp1tee.errors import NoSuchPath, WorkerNotAuthorized
from sp1tee.serve import catalogue
from sp1tee.wire.pb import worker_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as served:
        yield served


async def read(served: Running) -> dict[str, Metric]:
    answer = await served.worker.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    # The parser takes the ending of a counter's name off.
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in families}


def value(found: dict[str, Metric], name: str, **labels: str) -> float | None:
    samples = found[name].samples
    return next((one.value for one in samples if one.name == name and one.labels == labels), None)


async def test_the_page_has_exactly_what_the_documents_say(served: Running) -> None:
    await served.public.put((await served.place()).path, content=b"x")
    lease = await served.leased()
    await served.workers.Release(
        worker_pb2.ReleaseRequest(lease_id=lease.lease_id, lease_token=lease.lease_token),
        metadata=AUTH,
    )
    found = await read(served)
    described = {one.name: one for one in catalogue.METRICS}
    assert found.keys() == described.keys()
    for name, metric in found.items():
        assert (metric.type, metric.documentation) == (described[name].kind, described[name].text)
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(described[name].labels)


async def test_refusals_are_counted_by_code_on_both_listeners(served: Running) -> None:
    await served.public.get("/nothing/here")
    await served.worker.get("/metrics", headers={"authorization": "Bearer wrong"})
    with pytest.raises(AioRpcError):
        await served.workers.Heartbeat(worker_pb2.HeartbeatRequest(worker="gpu-1"))
    with pytest.raises(AioRpcError) as caught:
        await served.workers.Lease(worker_pb2.LeaseRequest(worker="gpu-1"), metadata=AUTH)
    assert caught.value.code() is StatusCode.INVALID_ARGUMENT
    code = str(dict(caught.value.trailing_metadata() or ())["sp1tee-code"])
    found, name = await read(served), "sp1tee_refusals_total"
    assert value(found, name, listener="public", code=NoSuchPath.code) == 1
    assert value(found, name, listener="worker", code=WorkerNotAuthorized.code) == 2
    assert value(found, name, listener="worker", code=code) == 1


async def test_a_refusal_over_http_names_its_code_in_a_header(served: Running) -> None:
    answer = await served.public.get("/nothing/here")
    assert answer.headers["sp1tee-code"] == answer.json()["code"] == NoSuchPath.code


async def test_a_lease_that_a_silent_worker_held_is_counted_as_lost(tmp_path: Path) -> None:
    async with running(tmp_path, lease_ttl_s=1) as served:
        await served.leased()
        assert await served.lease(wait_ms=20_000) is not None
        # The sweep that took it back goes on a little after the request is leased again.
        with anyio.fail_after(PATIENCE_S):
            while not value(found := await read(served), "sp1tee_leases_lost_total"):
                pass
    assert value(found, "sp1tee_leases_lost_total") == 1
    assert value(found, "sp1tee_leases_total", outcome="broken_off") == 1


async def test_a_proof_shows_in_the_times_of_its_request(served: Running) -> None:
    lease, proof = await served.leased(), a_proof()
    await served.put_proof(lease, proof)
    await served.finish(lease, proof)
    found = await read(served)
    counts = {
        (one.labels["state"], one.labels["next"]): one.value
        for one in found["sp1tee_state_seconds"].samples
        if one.name.endswith("_count")
    }
    assert counts == {("queued", "leased"): 1, ("leased", "settled"): 1}
    assert value(found, "sp1tee_leases_total", outcome="finished") == 1
    assert value(found, "sp1tee_outbox_requests") == 0


async def test_the_process_and_the_disk_are_told_of(served: Running) -> None:
    found = await read(served)
    for name in ("process_resident_memory_bytes", "process_open_fds", "sp1tee_disk_free_bytes"):
        assert (value(found, name) or 0) > 0
