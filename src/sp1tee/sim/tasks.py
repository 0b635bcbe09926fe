"""What a demo proves: a bank's solvency, or a program of the reader's own."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sp1tee import guests
from sp1tee.client import Source
from sp1tee.client.inputs import MemorySource
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

BALANCES: Final = 12
AMOUNT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """What is proved.

    Attributes:
        program: an ELF file with its verifying key beside it.
        stdin: the private input.
        watched: the bytes that must be found nowhere.
    """

    program: Path
    stdin: Source = field(repr=False)
    watched: tuple[bytes, ...] = field(repr=False)


def solvency(folder: Path) -> Task:
    """A bank with random balances that add up to more than a public amount."""
    guest = guests.load("solvency", Family.V6)
    program = folder / "solvency.elf"
    program.write_bytes(guest.elf)
    if guest.vk is not None:
        program.with_name("solvency.elf.vk").write_bytes(guest.vk)
    balances = [AMOUNT + secrets.randbits(63) // BALANCES for _ in range(BALANCES)]
    stdin = guests.solvency_input(AMOUNT, balances)
    return Task(program, MemorySource(stdin.encode()), stdin.buffers[1:])


def own(program: Path, stdin: Stdin) -> Task:
    """A program and an input of the reader's own."""
    return Task(program, MemorySource(stdin.encode()), stdin.buffers)
