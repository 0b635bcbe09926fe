"""Two servers behind one PostgreSQL: either may die, and nobody who asks need know."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
import requests
from support.balancer import balancing
from support.customers import Customers, asking
from support.people import detach, eventually, solvency, sp1tee, write_guest
from support.postgres import Postgres
from support.replicas import Replicas

from sp1tee.client import Program, read_key
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.pb import types_pb2, worker_pb2, worker_pb2_grpc
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

CUSTOMERS = 4


@pytest.fixture
def replicas(service: LocalService, postgres_server: Postgres) -> Iterator[Replicas]:
    """Two servers that are not started yet."""
    name = postgres_server.create()
    with balancing() as balancer:
        yield Replicas(service, postgres_server, name, balancer)


@pytest.fixture
def program(folder: Path) -> Program:
    return Program.read(write_guest(folder, "solvency", Family.V6))


@pytest.fixture
def network(service: LocalService, folder: Path, replicas: Replicas) -> Process:
    """A network that assigns requests to the operator, at which both servers settle."""
    operator = folder / "operator.key"
    assert sp1tee("keys", "new", "--out", str(operator)).returncode == 0
    network = service.network("--fulfiller", to_hex(read_key(operator).address))
    replicas.flags = (
        *("--network", "upstream", "--upstream-url", network.public_url),
        *("--fulfiller-key-file", str(operator)),
        *("--program-sources", f"s3://,{network.facts['artifacts']}/"),
    )
    return network


def settled_at(network: Process) -> Counter[bytes]:
    """How often the network was handed each request's proof and took it."""
    ledger = requests.get(f"{network.facts['artifacts']}/ledger", timeout=10).json()
    return Counter(bytes.fromhex(e["request_id"]) for e in ledger if e["kind"] == "fulfilled")


def start(replicas: Replicas) -> None:
    """Both servers, and a worker at each."""
    for name in ("one", "other"):
        server = replicas.start(name)
        worker = replicas.service.fulfill(server, "--executor", "unicorn", name=f"gpu-{name}")
        replicas.service.wait_for(worker, server)


def assert_each_settled_once(replicas: Replicas, customers: Customers) -> None:
    """Whatever a server took has its proof, and no server saw any of it settled again."""
    assert sorted(customers.proved) == sorted(customers.accepted)
    assert len(set(customers.proved)) == len(customers.proved)
    # A customer whose answer was lost asks again for what is there already.
    assert replicas.states() == {"settled": len(customers.proved)}
    # Each step is in one server's log.
    assert set(replicas.logged("settled").values()) == {1}


def kill_one_under_load(replicas: Replicas, customers: Customers) -> None:
    customers.wait(CUSTOMERS)
    customers.wait_accepted()
    replicas.one.kill()
    customers.wait(2 * CUSTOMERS)
    replicas.start("one")
    customers.wait(CUSTOMERS)


def test_one_of_two_servers_is_killed_under_load_and_nobody_loses_anything(
    replicas: Replicas, program: Program
) -> None:
    start(replicas)
    with asking(replicas.balancer.url, program, CUSTOMERS) as customers:
        kill_one_under_load(replicas, customers)
    assert all(len(troubles) <= 1 for troubles in customers.troubles), customers.troubles
    assert_each_settled_once(replicas, customers)


def test_each_proof_is_settled_once_at_the_network_although_a_server_is_killed(
    replicas: Replicas, network: Process, program: Program
) -> None:
    start(replicas)
    with asking(replicas.balancer.url, program, CUSTOMERS) as customers:
        kill_one_under_load(replicas, customers)
    assert all(len(troubles) <= 1 for troubles in customers.troubles), customers.troubles
    assert_each_settled_once(replicas, customers)
    assert settled_at(network) == Counter(customers.proved)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_database_that_restarts_under_load_costs_nobody_anything(
    how: str, replicas: Replicas, network: Process, program: Program
) -> None:
    start(replicas)
    with asking(replicas.balancer.url, program, CUSTOMERS) as customers:
        customers.wait(CUSTOMERS)
        customers.wait_accepted()
        replicas.postgres.restart(how)
        customers.wait(2 * CUSTOMERS)
    assert_each_settled_once(replicas, customers)
    assert settled_at(network) == Counter(customers.proved)


def test_a_worker_that_waits_at_one_server_is_woken_by_a_request_at_the_other(
    replicas: Replicas, folder: Path, key: Path
) -> None:
    one, other = replicas.start("one"), replicas.start("other")
    token = (replicas.service.folder / "one" / "worker.token").read_text()
    authorized = {"authorization": f"Bearer {token}"}
    capability = worker_pb2.Capability(version="sp1-v6.1.0", modes=[types_pb2.CORE], mock=True)
    ask = worker_pb2.LeaseRequest(worker="gpu", capabilities=[capability], wait_ms=20_000)

    def waits() -> bool | None:
        ready = requests.get(f"{one.worker_url}/health/ready", headers=authorized, timeout=10)
        return [w["name"] for w in ready.json()["workers"]] == ["gpu"] or None

    with (
        grpc.insecure_channel(urlsplit(one.worker_url).netloc) as channel,
        ThreadPoolExecutor() as threads,
    ):
        waiting = worker_pb2_grpc.WorkersStub(channel).Lease.future(
            ask, metadata=tuple(authorized.items())
        )
        eventually(waits, "a waiting worker")
        asked = threads.submit(detach, solvency(folder), other, key, "--mode", "core")
        assert waiting.result().lease.request.startswith("req_")
        assert asked.result()
