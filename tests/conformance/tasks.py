"""What the SDK asks to be proved, by the names that rows use."""

import os
from pathlib import Path

from conformance.places import MAX_STDIN
from support.guest_programs import DATA, hostile
from support.people import Task, solvency
from support.proof_archive import sample_task

from sp1tee.wire.stdin import Stdin

Tasks = dict[str, Task]


def write_tasks(folder: Path) -> Tasks:
    """Write programs and inputs; the prover's stand-ins have proofs of the sample alone."""
    sample = sample_task(folder)
    return {
        "sample": sample,
        "another": solvency(folder),
        "large": _large(sample, folder / "large.stdin"),
        "exit 7": _deed("exit_with_seven", folder),
        "trap": _deed("breakpoint", folder),
    }


def _large(sample: Task, stdin: Path) -> Task:
    """The sample program with more input than is taken, and no way to compress it."""
    balances = [os.urandom(8) for _ in range(MAX_STDIN // 8)]
    stdin.write_bytes(Stdin.of(*balances).encode())
    return Task(sample.elf, stdin, (), b"")


def _deed(name: str, folder: Path) -> Task:
    elf, stdin = folder / "hostile.elf", folder / f"{name}.stdin"
    elf.write_bytes((DATA / "hostile-v6.elf").read_bytes())
    stdin.write_bytes(Stdin.of(*hostile(name)).encode())
    return Task(elf, stdin, (), b"")
