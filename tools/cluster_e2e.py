"""Prove with a real sp1-cluster: a request through `serve` and `fulfill --prover cluster`.

`python tools/cluster_e2e.py` builds sp1-cluster's programs (`cluster_build.py` says what that
needs), starts them with Debian's PostgreSQL and Redis on loopback, and in front of them a server
and a worker of ours; has a Fibonacci number proved, checks the proof, and looks for what the
cluster's store still has. `--prover gateway` goes through the cluster's network-gateway instead.
The node takes 16 GB of memory, and minutes on few cores.

Standard output is a report in JSON: commit, seconds, proof, what is left in the store and for how
long. The exit code is not 0 if the input is, or what the worker should have removed. Logs stay in
--folder, if it is given.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import cluster_build
import cluster_parts
import grpc
import redis

from sp1tee import guests
from sp1tee.client import Order, Program, Received, Requester, new_key
from sp1tee.client.inputs import MemorySource
from sp1tee.errors import Sp1teeError
from sp1tee.native.judge import Judge
from sp1tee.native.programs import find_verifier
from sp1tee.sim.processes import LocalService
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb.cluster_pb2 import ProofRequestListRequest
from sp1tee.wire.pb.cluster_pb2_grpc import ClusterServiceStub
from sp1tee.wire.versions import Family

N: Final = 1000
DEADLINE_SECONDS: Final = 3 * 3600

Report = dict[str, Any]


def main() -> None:
    """Command line."""
    given = _parser().parse_args()
    programs = _programs(given)
    try:
        with _folder(given.folder) as folder:
            report = prove(programs, folder, given.prover, Mode.parse(given.mode))
    except Sp1teeError as error:
        sys.exit(f"{error.message} {error.advice}".rstrip())
    print(json.dumps({"commit": cluster_build.COMMIT, **report}, indent=2))
    if report["left"]["input"] or (given.prover == "cluster" and report["left"]["proof"]):
        sys.exit("the cluster's store still has the request's input or proof")


def prove(programs: dict[str, Path], folder: Path, prover: str, mode: Mode) -> Report:
    """Start everything, prove once, and tell how it went."""
    began = time.monotonic()
    with (
        cluster_parts.running(programs, folder) as cluster,
        LocalService(folder / "service") as service,
    ):
        up = time.monotonic()
        server = service.serve("--max-attempts", "1")
        service.wait_for(service.fulfill(server, *_flags(cluster, prover, folder)), server)
        received = _request(server.public_url, folder, mode)
        proved = time.monotonic()
        left = _left(cluster)
    received.save(folder / "proof.bin")
    return {
        "prover": prover,
        "mode": str(mode),
        "program": "fibonacci",
        "n": N,
        "start_seconds": round(up - began),
        "proof_seconds": round(proved - up),
        "proof_bytes": (folder / "proof.bin").stat().st_size,
        "checked": received.verification,
        "left": left,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cluster_build.add_flags(parser)
    parser.add_argument("--prover", choices=("cluster", "gateway"), default="cluster")
    parser.add_argument("--mode", choices=("core", "compressed"), default="core")
    parser.add_argument("--programs", type=Path, help="a folder that has the programs already")
    parser.add_argument("--folder", type=Path, help="an empty folder for logs and the proof")
    return parser


def _programs(given: argparse.Namespace) -> dict[str, Path]:
    """Return the cluster's programs by their names: those of a folder, or built."""
    if given.programs is not None:
        return {name: given.programs.resolve() / name for name in cluster_build.PROGRAMS}
    built = cluster_build.provide(given.sources, given.network)
    return dict(zip(cluster_build.PROGRAMS, built, strict=True))


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is None:
        with tempfile.TemporaryDirectory(prefix="sp1tee-cluster-") as folder:
            yield Path(folder)
        return
    named.mkdir(parents=True, exist_ok=True)
    yield named.resolve()


def _flags(cluster: cluster_parts.Cluster, prover: str, folder: Path) -> tuple[str, ...]:
    drain = ("--drain-s", "0", "--prover", prover)
    if prover == "gateway":
        return (*drain, "--prover-url", cluster.gateway, "--gateway-modes", "core,compressed")
    store = folder / "store"
    store.touch(mode=0o600)
    store.write_text(cluster.store)
    return (
        *(*drain, "--prover-url", cluster.api, "--cluster-store-file", str(store)),
        *("--cluster-coordinator-url", cluster.coordinator),
        *("--cluster-modes", "core,compressed"),
    )


def _request(url: str, folder: Path, mode: Mode) -> Received:
    guest = guests.load("fibonacci", Family.V6)
    program = folder / "fibonacci.elf"
    program.write_bytes(guest.elf)
    if guest.vk is not None:
        program.with_name("fibonacci.elf.vk").write_bytes(guest.vk)
    stdin = MemorySource(guests.fibonacci_input(N).encode())
    order = Order(mode=mode, timeout_s=DEADLINE_SECONDS)
    verifier = find_verifier()
    with (
        nullcontext() if verifier is None else Judge(verifier) as judge,
        Requester.at(url, new_key(folder / "requester.key"), judge=judge) as requester,
    ):
        return requester.wait(requester.request(Program.read(program), stdin, order))


def _left(cluster: cluster_parts.Cluster) -> Mapping[str, list[dict[str, object]]]:
    """Return what the store has of inputs, of proofs, and of what nodes made for themselves.

    Programs stay there on purpose.
    """
    with grpc.insecure_channel(urlsplit(cluster.api).netloc) as channel:
        rows = ClusterServiceStub(channel).ProofRequestList(ProofRequestListRequest())
    kinds = {row.stdin_artifact_id: "input" for row in rows.proof_requests}
    kinds |= {row.proof_artifact_id: "proof" for row in rows.proof_requests}
    left: dict[str, list[dict[str, object]]] = {"input": [], "proof": [], "other": []}
    with redis.Redis.from_url(cluster.store, decode_responses=True) as store:
        for key in store.keys("*"):
            if not key.startswith(("program_", "refs:")):
                found = {"bytes": store.memory_usage(key), "seconds": store.ttl(key)}
                left[kinds.get(key.removesuffix(":chunks"), "other")].append(found)
    return left


if __name__ == "__main__":
    main()
