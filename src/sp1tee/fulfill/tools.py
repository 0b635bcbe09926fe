"""What every job of a worker works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sp1tee.fulfill.fitness import Fitness, Rest
from sp1tee.fulfill.guest import Guests
from sp1tee.fulfill.heartbeat import Heart
from sp1tee.fulfill.inputs import Inputs
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.slots import Pace, Slots
from sp1tee.fulfill.transfer import Transfers


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
    pace: Pace = field(default_factory=Pace)
    rest: Rest = field(default_factory=Rest)
    clock: Callable[[], float] = time.time
