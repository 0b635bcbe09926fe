"""A real worker, a real Redis, and a cluster that speaks sp1-cluster's messages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cluster import CANCELLED, ClusterStandIn, hangs, proves
from support.cluster_tasks import PROGRAM, PROOF
from support.people import Task, detach, fetch, prove, sp1tee
from support.redis_server import RedisServer, redis_server
from support.wire_data import SAMPLE_PUBLIC_VALUES, sample

from sp1tee.fulfill.provers.cluster.artifacts import packed
from sp1tee.sim.processes import LocalService, Process

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is missing"),
]

MAKES = proves(packed(PROOF))


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(folder) as server:
        yield server


@pytest.fixture
def cluster(redis: RedisServer) -> Iterator[ClusterStandIn]:
    with ClusterStandIn(redis) as cluster:
        yield cluster


@pytest.fixture
def task(folder: Path) -> Task:
    """What the recorded proof is of."""
    elf, stdin = folder / "sample.elf", folder / "sample.stdin"
    elf.write_bytes(sample(".elf"))
    elf.with_name("sample.elf.vk").write_bytes(sample("-vk.bin"))
    stdin.write_bytes(sample(".stdin"))
    return Task(elf, stdin, (), SAMPLE_PUBLIC_VALUES)


def flags(cluster: ClusterStandIn, redis: RedisServer, folder: Path) -> tuple[str, ...]:
    store = folder / "store"
    store.write_text(redis.url)
    store.chmod(0o600)
    return (
        *("--prover", "cluster", "--prover-url", cluster.url, "--name", "worker-1"),
        *("--cluster-store-file", str(store)),
        *("--cluster-coordinator-url", cluster.coordinator_url),
    )


def keys(redis: RedisServer) -> list[str]:
    with redis.client() as client:
        return sorted(key.decode() for key in client.keys("*"))


@pytest.fixture
def server(service: LocalService) -> Process:
    return service.serve("--lease-ttl-s", "2")


def test_a_proof_comes_from_the_cluster_and_nothing_of_the_input_stays_there(
    service: LocalService,
    server: Process,
    cluster: ClusterStandIn,
    redis: RedisServer,
    task: Task,
    folder: Path,
    key: Path,
) -> None:
    cluster.will(MAKES)
    told = flags(cluster, redis, folder)
    worker = service.fulfill(server, *told)
    result = prove(task, server, key, folder / "proof", "--mode", "core")
    assert result["mock"] is False
    assert result["public_values"] == task.public_values.hex()
    assert keys(redis) == [PROGRAM]
    found = sp1tee("doctor", "--server", server.worker_url, *told, *_token(service, server))
    assert found.returncode == 0, found.stdout
    assert "noeviction" in found.stdout
    assert worker.stop() == 0


def test_what_a_killed_worker_left_in_the_cluster_is_cleared_up_and_proved_by_the_next(
    service: LocalService,
    server: Process,
    cluster: ClusterStandIn,
    redis: RedisServer,
    task: Task,
    folder: Path,
    key: Path,
) -> None:
    cluster.will(hangs, MAKES)
    told = flags(cluster, redis, folder)
    killed = service.fulfill(server, *told)
    request = detach(task, server, key, "--mode", "core")
    assert cluster.asked("ProofRequestGet").wait(60)
    killed.kill()
    assert len(keys(redis)) == 2
    service.fulfill(server, *told, name="next")
    fetch(request, server, folder / "proof")
    orphan, proved = (cluster.rows[row.proof_id] for row in cluster.created)
    assert (orphan.proof_status, orphan.handled) == (CANCELLED, True)
    assert proved.handled
    assert keys(redis) == [PROGRAM]


def _token(service: LocalService, server: Process) -> tuple[str, str]:
    return "--token-file", str(service.folder / server.name / "worker.token")
