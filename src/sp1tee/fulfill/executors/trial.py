"""A run of a program whose outcome is known: it tells a broken executor from a broken program."""

import struct
from dataclasses import dataclass
from typing import Final

from sp1tee import guests
from sp1tee.fulfill.executors import Executor, Limits
from sp1tee.wire.versions import Family

# A number and the Fibonacci numbers there, as the sample program publishes them.
_N: Final = 10
_FIBONACCI: Final = struct.pack("<3I", _N, 55, 89)
_LIMITS: Final = Limits(cycles=1_000_000, memory_bytes=256 << 20, seconds=30.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the run showed of the executor.

    Attributes:
        wrong: how it differs from SP1; empty if it does not.
        counts_gas: whether it told the prover gas.
    """

    wrong: str
    counts_gas: bool


async def try_out(executor: Executor, family: Family) -> Trial:
    """Run a sample program.

    Raises:
        FulfillError: as `Executor.execute`.
    """
    run = await executor.execute(
        guests.load("fibonacci", family).elf,
        guests.fibonacci_input(_N),
        family=family,
        limits=_LIMITS,
        tenant="",
    )
    sound = run.public_values == _FIBONACCI and run.cause is None
    text = f"It does not run a known {family} program as SP1 does. {run.text}".rstrip()
    return Trial("" if sound else text, counts_gas=run.gas is not None)
