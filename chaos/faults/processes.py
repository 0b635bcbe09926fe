"""Processes that are killed, stopped, or stand still."""

import os
import random
import signal
import time
from contextlib import suppress
from typing import Final

from chaos import prover
from chaos.faults.kind import Kind, Strike
from chaos.lab import LEASE_TTL_S, Kept, Lab

_MOCKS: Final = ("mock-1", "mock-2")


def _kill_server(lab: Lab, _: random.Random) -> str:
    lab.server.kill()
    lab.server.up()
    return "SIGKILL"


def _stop_server(lab: Lab, _: random.Random) -> str:
    lab.server.stop()
    lab.server.up()
    return f"SIGTERM, exit code {lab.server.exits[-1]}"


def _kill_worker(lab: Lab, rng: random.Random) -> str:
    worker = _worker(lab, rng)
    worker.kill()
    worker.up()
    return f"SIGKILL to {worker.name}"


def _stop_worker(lab: Lab, rng: random.Random) -> str:
    worker = _worker(lab, rng)
    worker.stop()
    worker.up()
    return f"SIGTERM to {worker.name}, exit code {worker.exits[-1]}"


def _kill_all(lab: Lab, rng: random.Random) -> str:
    """Pull the plug: server and workers at once."""
    everyone = [lab.server, *lab.workers.values()]
    rng.shuffle(everyone)
    for kept in everyone:
        kept.kill()
    for kept in everyone:
        kept.up()
    return "SIGKILL to server and workers"


def _freeze_worker(lab: Lab, rng: random.Random) -> str:
    """Let a worker stand still for longer than its leases last, and then go on."""
    worker = lab.workers[rng.choice(_MOCKS)]
    with worker.frozen():
        time.sleep(LEASE_TTL_S + 0.5)
    return f"{worker.name} stood still"


def _freeze_server(lab: Lab, rng: random.Random) -> str:
    seconds = rng.uniform(0.3, 1.5)
    with lab.server.frozen():
        time.sleep(seconds)
    return f"for {seconds:.1f} s"


def _signal_prover(number: signal.Signals) -> Strike:
    def strike(lab: Lab, _: random.Random) -> str:
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((lab.control / prover.PID).read_text()), number)
            return number.name
        return "no prover had been started"

    return strike


def _worker(lab: Lab, rng: random.Random) -> Kept:
    return lab.workers[rng.choice(sorted(lab.workers))]


KINDS: Final = (
    Kind("server-killed", _kill_server),
    Kind("server-stopped", _stop_server),
    Kind("worker-killed", _kill_worker),
    Kind("worker-stopped", _stop_worker),
    Kind("plug-pulled", _kill_all),
    Kind("worker-stands-still", _freeze_worker),
    Kind("server-stands-still", _freeze_server),
    Kind("prover-killed", _signal_prover(signal.SIGKILL)),
    Kind("prover-stopped", _signal_prover(signal.SIGTERM)),
)
