"""`sp1tee` as people run it: a process with arguments, an exit code and two streams."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import requests

from sp1tee import guests
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.versions import Family

T = TypeVar("T")

PATIENCE_S = 60


class Reachable(Protocol):
    """A server, wherever it runs."""

    @property
    def public_url(self) -> str: ...


@dataclass(frozen=True)
class Task:
    """A program, a private input, and what must come out."""

    elf: Path
    stdin: Path
    secret: tuple[bytes, ...]
    public_values: bytes
    vk_hash: str | None = None

    @property
    def flags(self) -> list[str]:
        named = ["--vk-hash", self.vk_hash] if self.vk_hash else []
        return [str(self.elf), "--stdin", str(self.stdin), *named]


def sp1tee(
    *arguments: str, seconds: float = PATIENCE_S * 2, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sp1tee", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", **variables},
        timeout=seconds,
        check=False,
    )


def solvency(folder: Path, family: Family = Family.V6, *, amount: int = 1000) -> Task:
    """The solvency guest with balances that nobody could guess."""
    balances = [int.from_bytes(os.urandom(7), "little") + amount for _ in range(16)]
    stdin = guests.solvency_input(amount, balances)
    elf = write_guest(folder, "solvency", family)
    path = folder / "solvency.stdin"
    path.write_bytes(stdin.encode())
    public = amount.to_bytes(8, "little") + b"\x01"
    return Task(elf, path, (stdin.buffers[1],), public, v5_hash(family))


def fibonacci(folder: Path, n: int) -> Task:
    """The fibonacci guest: the larger n, the longer it runs."""
    path = folder / f"fibonacci-{n}.stdin"
    path.write_bytes(guests.fibonacci_input(n).encode())
    return Task(write_guest(folder, "fibonacci", Family.V6), path, (), b"")


def write_guest(folder: Path, name: str, family: Family) -> Path:
    guest = guests.load(name, family)
    elf = folder / f"{name}-{family}.elf"
    elf.write_bytes(guest.elf)
    # No tool here makes v5 keys, and nothing on the way looks into one: any bytes do.
    elf.with_name(elf.name + ".vk").write_bytes(guest.vk or b"a v5 verifying key")
    return elf


def v5_hash(family: Family) -> str | None:
    return "0123456701234567" * 4 if family is Family.V5 else None


def asked(task: Task, server: Reachable, key: Path) -> list[str]:
    """The beginning of a `sp1tee prove` command line."""
    return ["prove", *task.flags, "--server", server.public_url, "--key-file", str(key)]


def prove(task: Task, server: Reachable, key: Path, out: Path, *flags: str) -> dict[str, object]:
    """`sp1tee prove`, which must succeed; its result."""
    done = sp1tee(*asked(task, server, key), "-o", str(out), "--format", "json", *flags)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def detach(task: Task, server: Reachable, key: Path, *flags: str) -> str:
    """`sp1tee prove --detach`, which must succeed; the request's id."""
    done = sp1tee(*asked(task, server, key), "--detach", *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fetch(request_id: str, server: Reachable, out: Path) -> dict[str, object]:
    """`sp1tee wait`, which must succeed; its result."""
    where = ("--server", server.public_url, "-o", str(out), "--format", "json")
    done = sp1tee("wait", request_id, *where)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def metrics(service: LocalService, server: Process) -> str:
    """The operator's view of a server."""
    token = (service.folder / server.name / "worker.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    return requests.get(f"{server.worker_url}/metrics", headers=headers, timeout=10).text


def eventually(look: Callable[[], T | None], what: str) -> T:
    """Look into another process until there is something to see; it offers no event to await."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if (seen := look()) is not None:
            return seen
        time.sleep(0.02)
    raise AssertionError(f"never seen: {what}")
