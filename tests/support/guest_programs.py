"""The guest programs of the tests: their files, what they are asked, what SP1 says of them."""

import gc
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sp1tee import guests
from sp1tee.fulfill.executors import elf, machine
from sp1tee.fulfill.executors.outcome import Outcome
from sp1tee.wire.versions import Family

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "guests"
MEMORY = 128 << 20


@dataclass(frozen=True)
class Golden:
    """What SP1's own executor made of a guest and an input."""

    guest: str
    stdin: tuple[bytes, ...]
    cycles: int
    gas: int
    exit_code: int
    public_values: bytes

    @property
    def label(self) -> str:
        return f"{self.guest}-{'-'.join(part.hex()[:16] or 'empty' for part in self.stdin)}"


def read_golden() -> list[Golden]:
    document = json.loads((DATA / "golden.json").read_text())
    return [
        Golden(
            run["guest"],
            tuple(bytes.fromhex(part) for part in run["stdin"]),
            run["cycles"],
            run["gas"],
            run["exit_code"],
            bytes.fromhex(run["public_values"]),
        )
        for run in document["runs"]
    ]


def program(name: str, family: Family) -> bytes:
    if name in guests.NAMES:
        return guests.load(name, family).elf
    return (DATA / f"{name}-{family}.elf").read_bytes()


def number_of(table: str, source: str, name: str) -> tuple[bytes, ...]:
    """The input that asks a guest for one entry of a table of functions in its source."""
    text = (ROOT / "guests" / source).read_text()
    found = re.search(table + r"\[\]\)\(void\) = \{(.*?)\}", text, re.DOTALL)
    assert found
    return (re.findall(r"\w+", found[1]).index(name).to_bytes(4, "little"),)


def hostile(deed: str, *more: bytes) -> tuple[bytes, ...]:
    return (*number_of("DEEDS", "hostile/hostile.c", deed), *more)


def feature(name: str, *more: bytes) -> tuple[bytes, ...]:
    return (*number_of("FEATURES", "features/features.c", name), *more)


def run_here(
    program: bytes,
    family: Family,
    stdin: Sequence[bytes] = (),
    *,
    cycles: int | None = 1_000_000,
    memory: int = MEMORY,
    native_guard: bool | None = None,
) -> Outcome:
    """Run a guest in this process, which only tests do."""
    budget = machine.Budget(cycles, memory)
    image = elf.load(program, family)
    outcome = machine.run(image, stdin, budget, native_guard=native_guard)
    gc.collect()  # an engine and its callbacks hold each other
    return outcome
