"""One module a group of figures; each function takes a `Lab` and returns rows of the table."""

from collections.abc import Callable

from bench.figures import idle, polls, queue, requests, uploads, upstream, verify
from bench.lab import Lab, Row

FIGURES: dict[str, Callable[[Lab], list[Row]]] = {
    "upstream": upstream.run,
    "polls": polls.run,
    "requests": requests.run,
    "uploads": uploads.run,
    "queue": queue.run,
    "idle": idle.run,
    "verify": verify.run,
}
