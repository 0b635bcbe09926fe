"""Many workers in one process: they lease, seem to prove for a while, and give the request back.

Given back, it is queued again, so that the queue stays as long as it was. One line of JSON when it
is over: how long each call took, as a worker sees it.
"""

import argparse
import asyncio
import json
import random
import time
from dataclasses import dataclass, field

import grpc
import grpc.aio

from bench.lab import quantile
from bench.stored import V6
from sp1tee.wire.pb import types_pb2, worker_pb2, worker_pb2_grpc

CALLS = ("Lease", "Heartbeat", "Release")
WAIT_MS = 20_000
# Every worker has a connection of its own, as on machines of their own.
OPTIONS = [("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Measured:
    """What the calls took, in milliseconds, from the moment everybody is at work."""

    took: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CALLS})
    failed: int = 0
    recording: bool = False


@dataclass(frozen=True)
class Calls:
    """One worker's calls."""

    stub: worker_pb2_grpc.WorkersStub
    metadata: list[tuple[str, str]]
    measured: Measured

    async def call(self, name: str, request):
        begin = time.perf_counter()
        reply = await getattr(self.stub, name)(request, metadata=self.metadata)
        if self.measured.recording:
            self.measured.took[name].append((time.perf_counter() - begin) * 1000)
        return reply


async def work(number: int, arguments: argparse.Namespace, measured: Measured) -> None:
    """One worker's life."""
    rng = random.Random(number)
    metadata = [("authorization", f"Bearer {arguments.token}")]
    await asyncio.sleep(rng.random() * arguments.prove)
    async with grpc.aio.insecure_channel(arguments.target, options=OPTIONS) as channel:
        stub = worker_pb2_grpc.WorkersStub(channel)
        while True:
            try:
                await _one(f"gpu-{number}", rng, Calls(stub, metadata, measured), arguments.prove)
            except grpc.aio.AioRpcError:
                measured.failed += 1


async def _one(name: str, rng: random.Random, calls: Calls, prove_s: float) -> None:
    able = worker_pb2.Capability(version=V6, modes=[types_pb2.CORE])
    asked = worker_pb2.LeaseRequest(worker=name, capabilities=[able], wait_ms=WAIT_MS)
    reply = await calls.call("Lease", asked)
    if not reply.HasField("lease"):
        return
    lease = reply.lease
    held = {"lease_id": lease.lease_id, "lease_token": lease.lease_token}
    took = prove_s * rng.uniform(0.5, 1.5)
    await asyncio.sleep(took / 2)
    beat = worker_pb2.HeartbeatRequest.Beat(**held, stage=worker_pb2.STAGE_PROVING)
    beats = worker_pb2.HeartbeatRequest(worker=name, beats=[beat])
    await calls.call("Heartbeat", beats)
    await asyncio.sleep(took / 2)
    await calls.call("Release", worker_pb2.ReleaseRequest(**held))


async def main(arguments: argparse.Namespace) -> None:
    measured = Measured()
    workers = [
        asyncio.create_task(work(number, arguments, measured))
        for number in range(arguments.workers)
    ]
    await asyncio.sleep(arguments.prove * 2)
    print(json.dumps({"at work": arguments.workers}), flush=True)
    measured.recording = True
    await asyncio.sleep(arguments.seconds)
    measured.recording = False
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    print(json.dumps({"failed": measured.failed, **_told(measured)}), flush=True)


def _told(measured: Measured) -> dict[str, dict[str, float]]:
    return {
        name: {
            "calls": len(took),
            "p50": quantile(took, 0.5),
            "p99": quantile(took, 0.99),
        }
        for name, took in measured.took.items()
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--prove", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_arguments()))
