"""What every job of a worker works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sp1tee.fulfill.figures import Figures, Result
from sp1tee.fulfill.fitness import Fitness, Rest
from sp1tee.fulfill.guest import Guests
from sp1tee.fulfill.heartbeat import Heart, Stage
from sp1tee.fulfill.inputs import Inputs
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.slots import Pace, Slots
from sp1tee.fulfill.transfer import Transfers

if TYPE_CHECKING:
    from sp1tee.fulfill.spans import JobSpans


@dataclass(frozen=True, slots=True)
class Tools:
    """What every job of a worker works with."""

    server: Server
    transfers: Transfers
    inputs: Inputs
    guests: Guests
    slots: Slots
    heart: Heart
    fitness: Fitness
    figures: Figures = field(default_factory=Figures)
    spans: "JobSpans | None" = None
    pace: Pace = field(default_factory=Pace)
    rest: Rest = field(default_factory=Rest)
    clock: Callable[[], float] = time.time

    def enters(self, lease: Lease, stage: Stage) -> None:
        """Tell whoever watches that the work on a lease begins a stage."""
        self.figures.enters(lease, stage)
        if self.spans is not None:
            self.spans.enters(lease, stage)

    def ends(self, lease: Lease, result: Result) -> None:
        """Tell whoever watches that the work on a lease is over."""
        self.figures.ends(lease, result)
        if self.spans is not None:
            self.spans.ends(lease, result)
