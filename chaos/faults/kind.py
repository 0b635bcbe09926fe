"""What a kind of fault is."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from chaos.clock import compiler
from chaos.disk import mountable
from chaos.lab import Lab


class Need(Enum):
    """What a fault cannot be made without; its value is what to say where it is missing."""

    NETWORK = "an upstream network"
    MOUNTS = "root, to mount disks of its own"
    COMPILER = "a C compiler, to move clocks with"


Strike = Callable[[Lab, random.Random], str]


def on_the_ground(strike: Strike) -> Strike:
    """Let nothing else meddle with the disk meanwhile."""

    def alone(lab: Lab, rng: random.Random) -> str:
        with lab.ground:
            return strike(lab, rng)

    return alone


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: what rounds are called by.
        strike: makes it happen, and ends it; returns what it did, in words.
        needs: what it cannot do without.
    """

    name: str
    strike: Strike
    needs: frozenset[Need] = frozenset()

    def possible(self, *, upstream: bool) -> bool:
        """Whether an epoch of a kind has any use for it."""
        return upstream or Need.NETWORK not in self.needs

    @property
    def missing(self) -> tuple[str, ...]:
        """What this machine lacks."""
        here = {Need.NETWORK: True, Need.MOUNTS: mountable(), Need.COMPILER: compiler() is not None}
        return tuple(need.value for need in self.needs if not here[need])
