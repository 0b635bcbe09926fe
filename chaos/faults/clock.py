"""A server's clock that jumps, and is put right again."""

import random
import time
from typing import Final

from chaos.faults.kind import Kind, Need, Strike
from chaos.lab import Lab

_SHORT_JUMP: Final = (2.0, 8.0)
_LONG_JUMP: Final = (30.0, 7200.0)


def _jump(direction: int) -> Strike:
    def strike(lab: Lab, rng: random.Random) -> str:
        """Mostly less than deadlines, sometimes hours."""
        assert lab.clock is not None
        seconds = direction * rng.uniform(*(_LONG_JUMP if rng.random() < 0.3 else _SHORT_JUMP))
        lab.clock.set(seconds)
        try:
            time.sleep(rng.uniform(0.5, 1.5))
        finally:
            lab.clock.set(0)
        return f"by {seconds:+.0f} s and back"

    return strike


_COMPILER: Final = frozenset({Need.COMPILER})
KINDS: Final = (
    Kind("clock-ahead", _jump(1), _COMPILER),
    Kind("clock-behind", _jump(-1), _COMPILER),
)
