"""The processes of an sp1-cluster on this machine, with PostgreSQL and Redis.

Everything listens on loopback, and logs into one folder. PostgreSQL refuses to run as root, so root
runs it as the account `postgres`, with its data where that account can reach it.
"""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import grpc
import native_cache
from google.protobuf.empty_pb2 import Empty

from sp1tee.wire.pb.cluster_worker_pb2_grpc import WorkerServiceStub

START_SECONDS: Final = 60.0
# The node makes proving keys before it opens its connection.
NODE_SECONDS: Final = 900.0
NEEDED: Final = {"redis-server": "apt-get install redis-server"}
_CIRCUIT: Final = "v6.1.0"
# What SP1 6.4 takes for a sign that a download is complete (crates/prover/src/build.rs).
_INSTALLED: Final = ".complete"
_POSTGRES_FOLDERS: Final = "/usr/lib/postgresql"
# What keeps the CPU prover of SP1 6.4 within 16 GB; small programs only.
_SMALL: Final = {
    "ELEMENT_THRESHOLD": "67108864",
    "SP1_CLUSTER_SHARD_THRESHOLD": "67108864",
    "HEIGHT_THRESHOLD": "1048576",
    "SHARD_SIZE": "2097152",
    "SP1_CLUSTER_LOG2_SHARD_SIZE": "21",
    "MEMORY_LIMIT": str(4 << 30),
    "RAYON_NUM_THREADS": str(os.cpu_count() or 1),
    **{
        f"SP1_WORKER_{name}": "1"
        for name in (
            *("NUM_CORE_WORKERS", "CORE_BUFFER_SIZE", "NUM_SETUP_WORKERS", "SETUP_BUFFER_SIZE"),
            *("NUM_SPLICING_WORKERS", "SPLICING_BUFFER_SIZE", "NUM_PREPARE_REDUCE_WORKERS"),
            *("NUM_RECURSION_PROVER_WORKERS", "RECURSION_PROVER_BUFFER_SIZE"),
            *("NUM_RECURSION_EXECUTOR_WORKERS", "RECURSION_EXECUTOR_BUFFER_SIZE"),
            *("PREPARE_REDUCE_BUFFER_SIZE", "NUM_DEFERRED_WORKERS", "DEFERRED_BUFFER_SIZE"),
            *("NUMBER_OF_SEND_SPLICE_WORKERS_PER_SPLICE", "NUMBER_OF_GAS_EXECUTORS"),
            "SEND_SPLICE_INPUT_BUFFER_SIZE_PER_SPLICE",
        )
    },
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, as a worker is told of it."""

    api: str
    coordinator: str
    store: str
    gateway: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where processes write, and how they end."""

    folder: Path
    stack: ExitStack

    def run(
        self,
        name: str,
        *command: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: Callable[[], bool],
        seconds: float = START_SECONDS,
    ) -> None:
        """Start something, wait until it is ready, and end it with the stack."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - fixed words
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd or self.folder,
                env=os.environ | {"RUST_LOG": "info"} | dict(env or {}),
            )
        self.stack.callback(_end, process)
        until = time.monotonic() + seconds
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} did not come up; see {self.folder / name}.log")
            time.sleep(0.2)


@contextmanager
def running(programs: Mapping[str, Path], folder: Path, *, node: bool = True) -> Iterator[Cluster]:
    """Run a cluster for as long as the block lasts.

    Args:
        programs: the cluster's own, by their names; parts that are not among them are left out.
        folder: where everything is written.
        node: whether a node is started, which takes 8 GB of memory at once and more to prove.
    """
    native_cache.require("to run an sp1-cluster", NEEDED)
    with ExitStack() as stack:
        place = _Place(folder, stack)
        database, store = _postgres(place), _redis(place)
        api, coordinator, gateway = (_free_port() for _ in range(3))
        cluster = Cluster(_url(api), _url(coordinator), store, _url(gateway))
        _start_api(place, programs["sp1-cluster-api"], api, database)
        if "sp1-cluster-coordinator" in programs:
            _start_coordinator(place, programs["sp1-cluster-coordinator"], coordinator, api)
        if "sp1-cluster-network-gateway" in programs:
            _start_gateway(place, programs["sp1-cluster-network-gateway"], gateway, cluster)
        if node and "sp1-cluster-node" in programs:
            _start_node(place, programs["sp1-cluster-node"], cluster)
        yield cluster


def _postgres(place: _Place) -> str:
    tools = max(Path(_POSTGRES_FOLDERS).glob("*/bin"), default=None)
    if tools is None:
        native_cache.say_missing("Missing to run an sp1-cluster:", "apt-get install postgresql")
    data = Path(place.stack.enter_context(TemporaryDirectory(prefix="sp1tee-postgres-")))
    port = _free_port()
    as_other: tuple[str, ...] = ()
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
        as_other = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    make = (str(tools / "initdb"), "-D", str(data), "-U", "cluster", "-A", "trust", "--no-sync")
    native_cache.carry_out(*as_other, *make, env=os.environ, cwd=data)
    flags = ("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}")
    command = (*as_other, str(tools / "postgres"), "-D", str(data), "-p", str(port), *flags)
    place.run("postgresql", *command, ready=lambda: _answers(port), cwd=data)
    return f"postgresql://cluster@127.0.0.1:{port}/postgres"


def _redis(place: _Place) -> str:
    port, password = _free_port(), secrets.token_hex(16)
    configuration = place.folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\n"
        f"maxmemory 4gb\nmaxmemory-policy noeviction\ndir {place.folder}\n"
    )
    place.run("redis", "redis-server", str(configuration), ready=lambda: _answers(port))
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _start_api(place: _Place, program: Path, port: int, database: str) -> None:
    variables = {
        "API_GRPC_ADDR": f"127.0.0.1:{port}",
        "API_HTTP_ADDR": f"127.0.0.1:{_free_port()}",
        "API_AUTO_MIGRATE": "true",
        "API_DATABASE_URL": database,
    }
    place.run("api", str(program), env=variables, ready=lambda: _answers(port))


def _start_coordinator(place: _Place, program: Path, port: int, api: int) -> None:
    variables = {
        "COORDINATOR_ADDR": f"127.0.0.1:{port}",
        "COORDINATOR_METRICS_ADDR": f"127.0.0.1:{_free_port()}",
        "COORDINATOR_CLUSTER_RPC": _url(api),
    }
    place.run("coordinator", str(program), env=variables, ready=lambda: _answers(port))


def _start_gateway(place: _Place, program: Path, port: int, cluster: Cluster) -> None:
    files = _free_port()
    variables = {
        "GATEWAY_GRPC_ADDR": f"127.0.0.1:{port}",
        "GATEWAY_HTTP_ADDR": f"127.0.0.1:{files}",
        "GATEWAY_PUBLIC_HTTP_URL": _url(files),
        "GATEWAY_CLUSTER_RPC": cluster.api,
        "GATEWAY_ARTIFACT_STORE": "redis",
        "GATEWAY_REDIS_NODES": cluster.store,
    }
    place.run("network-gateway", str(program), env=variables, ready=lambda: _answers(port))


def _start_node(place: _Place, program: Path, cluster: Cluster) -> None:
    variables = {
        **_SMALL,
        **_without_circuits(place.folder / "circuits"),
        "WORKER_TYPE": "CPU",
        "WORKER_MAX_WEIGHT_OVERRIDE": "16",
        "NODE_COORDINATOR_RPC": cluster.coordinator,
        "NODE_ARTIFACT_STORE": "redis",
        "NODE_REDIS_NODES": cluster.store,
    }

    def connected() -> bool:
        with grpc.insecure_channel(cluster.coordinator.partition("://")[2]) as channel:
            return bool(WorkerServiceStub(channel).GetStats(Empty(), timeout=10).cpu_workers)

    place.run("node", str(program), env=variables, ready=connected, seconds=NODE_SECONDS)


def _without_circuits(folder: Path) -> dict[str, str]:
    """Keep a node from downloading gigabytes that only PLONK and Groth16 need."""
    for kind in ("groth16", "plonk"):
        installed = folder / kind / _CIRCUIT
        installed.mkdir(parents=True)
        (installed / _INSTALLED).touch()
    return {f"SP1_{kind.upper()}_CIRCUIT_PATH": str(folder / kind) for kind in ("groth16", "plonk")}


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
