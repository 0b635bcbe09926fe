"""From an accepted request to a worker that has it, and between two proofs."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from bench.lab import Lab, Row, median, quantile
from bench.requester import Requester
from bench.stored import V6, fill
from sp1tee.sim.processes import LocalService
from sp1tee.store.master_key import MasterKey
from sp1tee.store.records import Capability
from sp1tee.store.store import open_store
from sp1tee.wire.pb import types_pb2, worker_pb2, worker_pb2_grpc

QUEUED = {10, 100_000}


def run(lab: Lab) -> list[Row]:
    return [_pickup(lab), _gap(lab), _lease_cost(lab)]


def _pickup(lab: Lab) -> Row:
    """A worker waits in Lease; a request comes in; when does the worker have it?"""
    with LocalService(lab.folder / "pickup") as service:
        server = service.serve("--max-open-requests", "1000000", "--allow-mock")
        token = (service.folder / "server" / "worker.token").read_text().strip()
        requester = Requester(server.public_url)
        requester.register()
        channel = grpc.insecure_channel(urlsplit(server.worker_url).netloc)
        stub = worker_pb2_grpc.WorkersStub(channel)
        took = [
            _one_pickup(stub, token, requester, envelope)
            for envelope in requester.envelopes(50 if lab.quick else 200)
        ]
    return Row(
        "RequestProof accepted → a waiting fulfiller has it",
        f"p50 {quantile(took, 0.5):.1f} ms, p99 {quantile(took, 0.99):.1f} ms",
        "p50 ≤ 10 ms",
        quantile(took, 0.5) <= 10,
        "the original: mean 1.5 s",
    )


def _one_pickup(stub, token: str, requester: Requester, envelope) -> float:
    """Milliseconds between the reply to RequestProof and the reply to Lease; never below 0."""
    capability = worker_pb2.Capability(version=V6, modes=[types_pb2.CORE])
    ask = worker_pb2.LeaseRequest(worker="bench", capabilities=[capability], wait_ms=20_000)
    arrived: list[float] = []
    metadata = [("authorization", f"Bearer {token}")]
    waiting = stub.Lease.future(ask, metadata=metadata)
    waiting.add_done_callback(lambda _: arrived.append(time.perf_counter()))
    time.sleep(0.01)  # let the call reach the server: it must be waiting
    requester.network.RequestProof(envelope)
    accepted = time.perf_counter()
    assert waiting.result().HasField("lease")
    while not arrived:
        time.sleep(0)
    return max(arrived[0] - accepted, 0.0) * 1000


def _gap(lab: Lab) -> Row:
    """Requests wait; one worker with the mock prover does them all; how far apart are they done?"""
    count = 20 if lab.quick else 60
    with LocalService(lab.folder / "gap") as service:
        server = service.serve("--max-open-requests", "1000000", "--allow-mock")
        requester = Requester(server.public_url)
        requester.register()
        ids = [
            requester.network.RequestProof(envelope).body.request_id
            for envelope in requester.envelopes(count)
        ]
        service.fulfill(server, "--prover", "mock")
        done: dict[bytes, float] = {}
        while len(done) < count:
            for request_id in ids:
                if request_id not in done:
                    status = requester.status(request_id).fulfillment_status
                    if status == types_pb2.FULFILLED:
                        done[request_id] = time.perf_counter()
        times = sorted(done.values())
    gaps = [(later - earlier) * 1000 for earlier, later in pairwise(times)]
    mean = (times[-1] - times[0]) * 1000 / (count - 1)
    return Row(
        "idle gap between two queued mock proofs on one worker",
        f"mean {mean:.0f} ms, p90 {quantile(gaps, 0.9):.0f} ms from one settled to the next",
        "≤ 50 ms",
        mean <= 50,
        "the original: ≥ 3 s",
    )


def _lease_cost(lab: Lab) -> Row:
    sizes = sorted({10, 10_000} if lab.quick else QUEUED)
    for size in sizes:
        (lab.folder / f"store{size}").mkdir()
    cost = {size: asyncio.run(_leases(lab.folder / f"store{size}", size)) for size in sizes}
    small, large = (cost[size] for size in sizes)
    return Row(
        f"lease cost, {sizes[1]:,} queued vs {sizes[0]}",
        f"{large / small:.2f}× (p50 {small:.2f} → {large:.2f} ms, durable)",
        "≤ 1.2×",
        large / small <= 1.2,
        "the original: 1.0×, in RAM only",
    )


async def _leases(folder: Path, queued: int) -> float:
    """Median milliseconds of a lease with this many requests waiting; given back in between."""
    store = await open_store(data_dir=folder, master_key=MasterKey(bytes(32)))
    try:
        await fill(store, queued)
        took = []
        capability = [Capability(version=V6, modes=frozenset({1}), mock=False)]
        for _ in range(200):
            begin = time.perf_counter()
            leased = await store.requests.lease("bench", capability, 30)
            took.append((time.perf_counter() - begin) * 1000)
            assert leased is not None
            await store.requests.give_back(leased.lease_id, leased.token, counts=False, reason="")
        return median(took)
    finally:
        await store.aclose()
