"""Two ways to a proof: straight at the prover's socket; through requester, server and worker."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.lab import Lab, Row, median
from bench.work import Work
from sp1tee.client import Order, Program, Requester
from sp1tee.client.inputs import MemorySource
from sp1tee.native.client import Client
from sp1tee.native.programs import find_verifier
from sp1tee.sim.processes import LocalService
from sp1tee.wire.modes import Mode
from sp1tee.wire.signing import Signer

BAR = 1.03
POLL_S = 0.02
"""How often the requester asks. SDKs ask every 2 s, which would say nothing about our path."""


def beside(lab: Lab, work: Work, socket: Path, rounds: int) -> Row:
    """Core proofs of one program by one prover, in turns; both ways have been gone once before."""
    straight_s, ours_s = [], []
    with straight(work, socket) as straight_once, through(lab, work, socket) as ours_once:
        lab.say("a first proof on our path, which is not counted")
        ours_once()
        for turn in range(rounds):
            straight_s.append(straight_once())
            ours_s.append(ours_once())
            told = f"{straight_s[-1]:.2f} s straight, {ours_s[-1]:.2f} s on our path"
            lab.say(f"overhead, round {turn + 1} of {rounds}: {told}")
    ratio = median([a / b for a, b in zip(ours_s, straight_s, strict=True)])
    more = median([a - b for a, b in zip(ours_s, straight_s, strict=True)])
    return Row(
        f"from request to proof downloaded: {work.title}, core",
        f"{median(ours_s):.2f} s: {ratio:.3f}× the prover called directly ({more:+.2f} s)",
        f"≤ {BAR}× for proofs over 10 s",
        ratio <= BAR,
        f"ProveWithMode at the same prover's socket: {median(straight_s):.2f} s, "
        f"± {statistics.pstdev(straight_s):.2f} s",
        {"ours_s": ours_s, "straight_s": straight_s, "poll_s": POLL_S},
    )


@contextmanager
def straight(work: Work, socket: Path) -> Iterator[Callable[[], float]]:
    """Call for the seconds of one ProveWithMode; the program is set up before."""
    with Client.connect(socket) as client:
        key = client.setup(work.guest.elf).key
        stdin = work.stdin.encode()

        def once() -> float:
            began = time.perf_counter()
            client.prove(Mode.CORE, key, stdin)
            return time.perf_counter() - began

        yield once


@contextmanager
def through(lab: Lab, work: Work, socket: Path) -> Iterator[Callable[[], float]]:
    """Call for the seconds of one request: input uploaded, proved, proof downloaded and read."""
    program = Program.read(work.write(lab.folder))
    stdin = MemorySource(work.stdin.encode())
    with LocalService(lab.folder / "path", environment=workers_environment()) as service:
        server = service.serve()
        service.fulfill(server, "--prover", "sp1", "--sp1-socket", str(socket))
        with Requester.at(server.public_url, Signer.from_bytes(os.urandom(32))) as requester:
            requester.session = replace(requester.session, sleep=lambda _: time.sleep(POLL_S))

            def once() -> float:
                began = time.perf_counter()
                requester.prove(program, stdin, Order(mode=Mode.CORE))
                return time.perf_counter() - began

            yield once


def workers_environment() -> dict[str, str]:
    """Where workers started here find `sp1tee-prover`, which verifies and runs programs."""
    found = find_verifier()
    return {} if found is None else {"SP1TEE_PROVER": str(found.path)}
