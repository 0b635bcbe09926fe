"""What a worker counts of its own work.

Jobs note what happens on the event loop; Prometheus reads in a thread. What is read there is whole
at every moment: numbers, and copies of lists.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from sp1tee.errors import ModeError
from sp1tee.fulfill import catalogue
from sp1tee.fulfill.executors import Execution
from sp1tee.fulfill.fitness import Fitness
from sp1tee.fulfill.heartbeat import Stage
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.slots import Slots
from sp1tee.monitoring.page import new_registry
from sp1tee.wire.modes import Mode

Result = Literal["handed_in", "failed", "passed_on", "given_back", "lost"]


class Figures:
    """Counts jobs, stages, runs and what came of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._jobs: dict[str, tuple[Stage, float]] = {}
        self.registry = new_registry()
        self._seconds = catalogue.STAGE_SECONDS.histogram(self.registry)
        self._proofs = catalogue.PROOFS.counter(self.registry)
        self._executions = catalogue.EXECUTIONS.counter(self.registry)
        jobs = catalogue.JOBS.gauge(self.registry)
        for stage in Stage:
            jobs.labels(_name(stage)).set_function(partial(self._at, stage))

    def watch(self, slots: Slots, fitness: Fitness) -> None:
        """Tell of the provers and the machine, too; once."""
        states = catalogue.SLOTS.gauge(self.registry)
        states.labels("busy").set_function(lambda: slots.busy)
        states.labels("free").set_function(lambda: len(slots) - slots.busy)
        catalogue.FIT.gauge(self.registry).set_function(lambda: fitness.fit)
        self.registry.register(_Starts(slots))

    def enters(self, lease: Lease, stage: Stage) -> None:
        """Note that a job begins a stage, its first or the next."""
        self._leaves(lease)
        self._jobs[lease.id] = stage, self._clock()

    def ends(self, lease: Lease, result: Result) -> None:
        """Note that a job is over."""
        self._leaves(lease)
        self._proofs.labels(_mode(lease), result).inc()

    def executed(self, execution: Execution | None) -> None:
        """Note how a program's run ended; None: what ran it crashed."""
        if execution is None:
            outcome = "crashed"
        else:
            went_well = execution.cause is None and execution.exit_code == 0
            outcome = "finished" if went_well else "failed"
        self._executions.labels(outcome).inc()

    def _leaves(self, lease: Lease) -> None:
        before = self._jobs.pop(lease.id, None)
        if before is not None:
            stage, since = before
            self._seconds.labels(_name(stage)).observe(self._clock() - since)

    def _at(self, stage: Stage) -> int:
        return sum(found is stage for found, _ in list(self._jobs.values()))


class _Starts(Collector):
    """Tells how often provers' processes were started, which the slots count."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def collect(self) -> Iterator[Metric]:
        starts = catalogue.PROVER_STARTS
        yield CounterMetricFamily(starts.name, starts.text, value=self._slots.starts)


def _name(stage: Stage) -> str:
    return stage.name.lower()


def _mode(lease: Lease) -> str:
    """Name what was asked for; a server may ask for what no release knows yet."""
    try:
        return str(Mode.from_wire(lease.mode))
    except ModeError:
        return "unknown"
