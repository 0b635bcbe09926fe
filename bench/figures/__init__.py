"""One module a group of figures; each function takes a `Lab` and returns rows of the table."""

from collections.abc import Callable, Iterable

from bench.figures import (
    attackers,
    costs,
    executors,
    handover,
    idle,
    polls,
    prover,
    queue,
    requests,
    scale,
    uploads,
    upstream,
    verify,
)
from bench.lab import Lab, Row

FIGURES: dict[str, Callable[[Lab], Iterable[Row]]] = {
    "upstream": upstream.run,
    "polls": polls.run,
    "requests": requests.run,
    "uploads": uploads.run,
    "queue": queue.run,
    "scale": scale.run,
    "costs": costs.run,
    "idle": idle.run,
    "attackers": attackers.run,
    "verify": verify.run,
    "executors": executors.run,
    "handover": handover.run,
    "prover": prover.run,
}
