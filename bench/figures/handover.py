"""What a worker adds around its proofs, with a stand-in for the prover that only takes its time."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from bench.lab import Lab, Row, python_process, quantile
from bench.paths import beside, workers_environment
from bench.requester import Requester
from bench.work import Work, sample, sample_proof
from sp1tee.sim.processes import LocalService

SMALL = 8
LARGE = 20_000_000
QUICK_PROOF_S = 0.3
PROOF_S = 2.0
LARGE_PROOF_S = 4.0
"""Longer than it takes to fetch and run the next one's input, as any real proof of one is."""

EMULATOR = ("--executor", "unicorn")
GIVE_UP_S = 300


def run(lab: Lab) -> Iterator[Row]:
    """The emulator keeps pace with proofs of 0.3 s; SP1's executor starts a process a run."""
    yield _gap(lab, SMALL, QUICK_PROOF_S, 20 if lab.quick else 50, EMULATOR)
    yield _gap(lab, SMALL, PROOF_S, 8 if lab.quick else 50)
    yield _gap(lab, LARGE, LARGE_PROOF_S, 8 if lab.quick else 25)
    with stand_in(lab, 10) as (socket, _):
        yield beside(lab, sample(), socket, 2 if lab.quick else 5)


def _gap(
    lab: Lab, input_bytes: int, seconds: float, count: int, flags: tuple[str, ...] = ()
) -> Row:
    """Requests wait; how long is the prover without work from one proof to the next input?"""
    times = _proofs(lab, sample(input_bytes), seconds, count, flags)
    gaps = [(b["arrived"] - a["answered"]) * 1000 for a, b in pairwise(times)]
    p50, p95 = quantile(gaps, 0.5), quantile(gaps, 0.95)
    size = f"{input_bytes / 1e6:.0f} MB" if input_bytes >= 1e6 else f"{input_bytes} bytes"
    return Row(
        f"prover idle between two queued proofs of {seconds:g} s, input of {size}"
        f"{', ' if flags else ''}{' '.join(flags)}",
        f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, of {len(gaps)}",
        "≤ 100 ms",
        p95 <= 100,
        "a stand-in for the prover, proofs of 2.8 MB",
        {"gaps_ms": gaps},
    )


def _proofs(
    lab: Lab, work: Work, seconds: float, count: int, flags: tuple[str, ...]
) -> list[dict[str, float]]:
    folder = lab.folder / f"gap{len(work.stdin.encode())}-{seconds}"
    service = LocalService(folder, environment=workers_environment())
    with stand_in(lab, seconds) as (socket, prover), service:
        server = service.serve("--max-open-requests", "1000000")
        requester = Requester(server.public_url, guest=work.guest, stdin=work.stdin)
        requester.register()
        for envelope in requester.envelopes(count):
            requester.network.RequestProof(envelope)
        lab.say(f"{count} requests wait")
        with _limit(prover):
            prove = ("--prover", "sp1", "--sp1-socket", str(socket), *flags)
            worker = service.fulfill(server, *prove)
            assert prover.stdout is not None
            lines = [prover.stdout.readline() for _ in range(count)]
        if not lines[-1]:
            raise RuntimeError(f"the worker did not do all its proofs: {worker.log_tail()}")
    return [json.loads(line) for line in lines]


@contextmanager
def stand_in(lab: Lab, seconds: float) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """The socket of a prover that takes so long for every proof, and its process."""
    socket, proof, vk = (lab.folder / name for name in ("socket", "proof", "vk"))
    socket.unlink(missing_ok=True)
    proof.write_bytes(sample_proof())
    vk.write_bytes(sample().guest.vk or b"")
    command = ("-m", "bench.peers.prover", str(socket), str(proof), str(vk), str(seconds))
    with python_process(*command) as (process, _):
        yield socket, process


@contextmanager
def _limit(process: subprocess.Popen[str]) -> Iterator[None]:
    """End a process that nobody would otherwise stop waiting for."""
    timer = threading.Timer(GIVE_UP_S, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
