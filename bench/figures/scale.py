"""What a fleet costs one server: many workers, a long queue, many who wait."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bench.database import postgres
from bench.figures import replicas
from bench.lab import Lab, Row, cpu_seconds, python_process, resident_mib
from bench.requester import STATUS, Requester
from bench.stored import fill
from sp1tee.serve.vault_key import VAULT_KEY_FILE
from sp1tee.sim.processes import LocalService, Process
from sp1tee.store.master_key import MasterKey
from sp1tee.store.store import open_store
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.signing import Signer

WORKERS = 1_000
SHORT, LONG = 1_000, 100_000
PROVE_S = 10.0
WAITING = 10_000
POLL_S = 2.0
MOST_LINES = 3_500
"""Connections that fit into 20,000 descriptors (ulimit -n), with room to spare."""
FULFILLER = "11" * 32
UPSTREAM_POLLS = 'sp1tee_upstream_calls_total{method="GetProofRequestStatus"'


@dataclass(frozen=True, slots=True)
class Fleet:
    """A server's half minute with a fleet."""

    database: str
    workers: int
    queued: int
    calls: Mapping[str, Mapping[str, float]]
    cpu_us: float
    failed: int


def run(lab: Lab) -> Iterator[Row]:
    sizes = (100, 1_000) if lab.quick else (SHORT, LONG)
    yield from _fleets(*(_fleet(lab, size, "SQLite") for size in sizes))
    yield _waiting(lab)
    yield from _fleets(*(_on_postgres(lab, size) for size in sizes))
    yield from replicas.run(lab)


def _fleets(short: Fleet, long: Fleet) -> Iterator[Row]:
    yield _dispatch(long)
    yield _cost(short, long)


def _dispatch(fleet: Fleet) -> Row:
    lease = fleet.calls["Lease"]
    return Row(
        f"dispatch, {fleet.workers:,} workers, proofs of {PROVE_S:.0f} s, {fleet.queued:,} queued, "
        f"{fleet.database}",
        f"p50 {lease['p50']:.0f} ms, p99 {lease['p99']:.0f} ms from asking to having, "
        f"{lease['calls']:,.0f} leases; {fleet.failed} calls failed",
        "p99 ≤ 100 ms",
        lease["p99"] <= 100 and not fleet.failed,
        numbers=dict(fleet.calls),
    )


def _cost(short: Fleet, long: Fleet) -> Row:
    ratio = long.cpu_us / short.cpu_us
    return Row(
        f"CPU of lease, heartbeat and return, {long.queued:,} queued vs {short.queued:,}, "
        f"{long.database}",
        f"{ratio:.2f}× ({short.cpu_us:,.0f} → {long.cpu_us:,.0f} µs)",
        "≤ 1.2×",
        ratio <= 1.2,
    )


def _on_postgres(lab: Lab, queued: int) -> Fleet:
    with postgres() as url:
        return _fleet(lab, queued, "PostgreSQL", url)


def _fleet(lab: Lab, queued: int, database: str, url: str | None = None) -> Fleet:
    folder = lab.folder / f"{database}{queued}"
    lab.say(f"fleet: {queued:,} requests are queued, {database}")
    _queue(folder / "server", queued, url)
    flags: tuple[str, ...] = ("--max-open-requests", "1000000")
    if url is not None:
        told = folder / "database.url"
        told.touch(mode=0o600)
        told.write_text(url)
        flags += ("--database-url-file", str(told))
    workers, seconds = (WORKERS // 10, 10.0) if lab.quick else (WORKERS, 30.0)
    with LocalService(folder) as service:
        server = service.serve(*flags)
        token = (folder / "server" / "worker.token").read_text().strip()
        fleet = python_process(
            *("-m", "bench.fleet", "--target", urlsplit(server.worker_url).netloc),
            *("--token", token, "--workers", str(workers)),
            *("--prove", str(PROVE_S), "--seconds", str(seconds)),
        )
        with fleet as (process, _):
            before = cpu_seconds(server.popen.pid)
            assert process.stdout is not None
            told: dict[str, Any] = json.loads(process.stdout.readline())
            used = cpu_seconds(server.popen.pid) - before
    failed = told.pop("failed")
    return Fleet(database, workers, queued, told, used / told["Lease"]["calls"] * 1e6, failed)


def _queue(data_dir: Path, count: int, url: str | None) -> None:
    """Fill the database that a server will open."""

    async def filled() -> None:
        key, _ = MasterKey.made_or_read(data_dir / VAULT_KEY_FILE, data_dir=data_dir)
        store = await open_store(data_dir=data_dir, master_key=key, database_url=url)
        try:
            await fill(store, count)
        finally:
            await store.aclose()

    data_dir.mkdir(parents=True)
    asyncio.run(filled())


def _waiting(lab: Lab) -> Row:
    """Clients of an upstream network's requests that do nothing but ask."""
    clients = WAITING // 10 if lab.quick else WAITING
    seconds = 30.0
    with LocalService(lab.folder / "waiting") as service:
        server = _with_upstream(lab, service)
        requester = Requester(server.public_url)
        requester.register()
        lab.say(f"waiting: {clients:,} requests are made")
        # One after another: the network takes an account's nonces in order.
        ids = [requester.ask(envelope) for envelope in requester.envelopes(clients)]
        frames = lab.frames("waiting", map(requester.status_message, ids))
        # Until each has asked a few times: first everything is asked for.
        lines = min(clients, MOST_LINES)
        every = POLL_S * lines / clients
        flags = ("--clients", str(lines), "--every", str(every), "--warmup", "30")
        before, begin = _upstream_polls(service, server), time.monotonic()
        pid = ("--pid", f"server={server.popen.pid}")
        done = lab.load(server.public_url, STATUS, frames, *flags, "--seconds", str(seconds), *pid)
        upstream = (_upstream_polls(service, server) - before) / (time.monotonic() - begin)
        resident = resident_mib(server.popen.pid)
    assert not done["errors"], done["errors"]
    cores = done["cpu_us_per_call"]["server"] * done["calls"] / seconds / 1e6
    return Row(
        f"{clients:,} requests polled every {POLL_S:.0f} s on {lines:,} connections, upstream",
        f"{cores:.2f} cores, {resident:.0f} MiB, p99 {done['p99_ms']:.0f} ms; upstream "
        f"{upstream:,.0f} polls/s, {upstream / clients:.2f} a request and second",
        "< 1 core; ≤ 1 a request and second",
        cores < 1 and upstream <= clients,
        f"{done['per_second']:,.0f} polls/s came in",
        numbers=done,
    )


def _with_upstream(lab: Lab, service: LocalService) -> Process:
    network = service.network("--fulfiller", to_hex(Signer.from_hex(FULFILLER).address))
    key = lab.folder / "fulfiller.key"
    key.touch(mode=0o600)
    key.write_text(FULFILLER)
    key.chmod(0o600)
    return service.serve(
        *("--network", "upstream", "--upstream-url", network.public_url),
        *("--fulfiller-key-file", str(key), "--max-open-requests", "1000000"),
        *("--max-connections", "20000"),
        *("--program-sources", f"s3://,{network.facts['artifacts']}/"),
    )


def _upstream_polls(service: LocalService, server: Process) -> float:
    """How often the network was asked for a status so far."""
    token = (service.folder / server.name / "worker.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    text = requests.get(f"{server.worker_url}/metrics", headers=headers, timeout=60).text
    lines = (line for line in text.splitlines() if line.startswith(UPSTREAM_POLLS))
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
