"""Two servers behind one PostgreSQL: what the second one adds, and what its death costs."""

import os
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import requests

from bench.database import postgres
from bench.lab import Lab, Row, median
from bench.requester import STATUS, Requester
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.pb import network_pb2_grpc, types_pb2

CLIENTS = 8
REQUESTS = 400
CORES = 4
"""Two servers, the database and the load generator: with fewer they take each other's time."""
SETTLED = 'sp1tee_requests{state="settled"} '


def run(lab: Lab) -> Iterator[Row]:
    with postgres() as url:
        yield _polls(lab, url)
    with postgres() as url:
        yield _killed(lab, url)


def _two(service: LocalService, url: str) -> tuple[Process, Process]:
    """Two servers with the same database and vault, keys and tokens."""
    service.folder.mkdir(parents=True)
    told = service.folder / "database.url"
    told.touch(mode=0o600)
    told.write_text(url)
    flags = ("--database-url-file", str(told), "--max-open-requests", "1000000")
    flags += ("--allow-mock", "--lease-ttl-s", "2")
    one = service.serve(*flags, name="one")
    (service.folder / "other").symlink_to(service.folder / "one")
    return one, service.serve(*flags, name="other")


def _polls(lab: Lab, url: str) -> Row:
    """In turns: all clients at one server, and half of them at each of two."""
    single, double = [], []
    with LocalService(lab.folder / "polls") as service, ThreadPoolExecutor() as threads:
        servers = _two(service, url)
        requester = Requester(servers[0].public_url)
        requester.register()
        frames = lab.frames("status", [requester.status_message(requester.request())])

        def rate(server: Process, clients: int) -> float:
            flags = ("--clients", str(clients), "--seconds", str(lab.seconds(4)))
            done = lab.load(server.public_url, STATUS, frames, *flags)
            assert not done["errors"], done["errors"]
            return done["per_second"]

        for _ in range(lab.rounds(5)):
            single.append(rate(servers[0], 2 * CLIENTS))
            double.append(sum(threads.map(rate, servers, (CLIENTS, CLIENTS))))
    ratio = median([two / one for one, two in zip(single, double, strict=True)])
    cores = os.cpu_count() or 1
    return Row(
        f"status polls, 2 replicas on PostgreSQL vs 1, {cores} cores",
        f"{ratio:.2f}× ({median(single):,.0f}/s → {median(double):,.0f}/s)",
        f"≥ 1.6×, from {CORES} cores on",
        ratio >= 1.6 if cores >= CORES else None,
    )


@dataclass
class _Crowd:
    """Clients that send each request until a server has taken it, at the other when one fails."""

    servers: tuple[Process, Process]
    waiting: "queue.SimpleQueue[types_pb2.SignedRequest]"
    accepted: set[bytes] = field(default_factory=set)
    errors: dict[int, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    half: threading.Event = field(default_factory=threading.Event)

    def work(self, number: int) -> None:
        """Be one of them, until nothing waits."""
        self.errors[number] = 0
        stubs = [
            network_pb2_grpc.ProverNetworkStub(
                grpc.insecure_channel(urlsplit(server.public_url).netloc)
            )
            for server in self.servers
        ]
        at = number % 2
        while True:
            try:
                envelope = self.waiting.get_nowait()
            except queue.Empty:
                return
            while (request_id := self._asked(stubs[at], envelope, number)) is None:
                at = 1 - at
            self.accepted.add(request_id)
            if len(self.accepted) >= REQUESTS // 2:
                self.half.set()

    def _asked(self, stub, envelope, number: int) -> bytes | None:
        try:
            return stub.RequestProof(envelope).body.request_id
        except grpc.RpcError as error:
            self.errors[number] += 1
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                self.refused.append(error.code().name)
            return None


def _killed(lab: Lab, url: str) -> Row:
    with LocalService(lab.folder / "killed") as service, ThreadPoolExecutor(CLIENTS) as threads:
        one, other = servers = _two(service, url)
        for server in servers:
            service.fulfill(server, name=f"worker-{server.name}")
        requester = Requester(one.public_url)
        requester.register()
        waiting: queue.SimpleQueue[types_pb2.SignedRequest] = queue.SimpleQueue()
        for envelope in requester.envelopes(REQUESTS):
            waiting.put(envelope)
        crowd = _Crowd(servers, waiting)
        working = [threads.submit(crowd.work, number) for number in range(CLIENTS)]
        crowd.half.wait()
        one.kill()
        for each in working:
            each.result()
        lab.say("replicas: one is dead; the other settles what both have taken")
        settled = settled_requests(
            service.folder / "one" / "worker.token", other, len(crowd.accepted)
        )
    worst = max(crowd.errors.values())
    return Row(
        f"kill -9 of one of two replicas under load, {CLIENTS} clients",
        f"{len(crowd.accepted)} of {REQUESTS} requests taken, {settled} settled; at most {worst} "
        f"errors a client, {len(crowd.refused)} of another kind than UNAVAILABLE",
        "none lost; ≤ 1 retryable error a client; each settled once",
        len(crowd.accepted) == settled == REQUESTS and worst <= 1 and not crowd.refused,
        numbers={"errors": list(crowd.errors.values()), "refused": crowd.refused},
    )


def settled_requests(token: Path, server: Process, wanted: int) -> int:
    """How many requests are settled once so many are, or after five minutes."""
    headers = {"authorization": f"Bearer {token.read_text().strip()}"}
    end = time.monotonic() + 300
    while True:
        page = requests.get(f"{server.worker_url}/metrics", headers=headers, timeout=60).text
        lines = [line for line in page.splitlines() if line.startswith(SETTLED)]
        settled = int(float(lines[0].removeprefix(SETTLED)))
        if settled >= wanted or time.monotonic() >= end:
            return settled
        time.sleep(0.2)
