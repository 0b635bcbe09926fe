"""Two guest programs that come with sp1tee, to try it with and to test it with.

``fibonacci`` is SP1's own example; ``solvency`` shows what the whole is for: it proves that private
balances cover a public amount, and nothing else about them. Sources are in ``guests/`` of the
repository, their inputs and outputs are described in ``docs/guests.md``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

__all__ = ["NAMES", "Guest", "fibonacci_input", "load", "solvency_input"]

NAMES: Final = ("fibonacci", "solvency")


@dataclass(frozen=True, slots=True)
class Guest:
    """A program, ready to be sent.

    Attributes:
        name: one of `NAMES`.
        family: the SP1 it is built for.
        elf: the program.
        vk: its verifying key as SP1 v6's setup gives it, 104 bytes; None for v5.
    """

    name: str
    family: Family
    elf: bytes = field(repr=False)
    vk: bytes | None = field(repr=False)


def load(name: str, family: Family) -> Guest:
    """Read a program out of the package.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in NAMES:
        raise ConfigError(f"There is no guest program of this name; there are {', '.join(NAMES)}.")
    elf = files(__name__) / f"{name}-{family}.elf"
    vk = files(__name__) / f"{name}-{family}.elf.vk"
    return Guest(name, family, elf.read_bytes(), vk.read_bytes() if vk.is_file() else None)


def fibonacci_input(n: int) -> Stdin:
    """Make the input of ``fibonacci``: which number of the sequence to compute, a u32."""
    return Stdin.of(n.to_bytes(4, "little"))


def solvency_input(amount: int, balances: Iterable[int]) -> Stdin:
    """Make the input of ``solvency``: the public amount and the private balances, all u64."""
    packed = b"".join(balance.to_bytes(8, "little") for balance in balances)
    return Stdin.of(amount.to_bytes(8, "little"), packed)
