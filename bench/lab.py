"""What every figure needs: a folder, the load generator, processes, CPU and memory readings."""

import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil
from rich.console import Console

BENCH = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sp1tee-bench"
MIB = 1 << 20


class NotHereError(Exception):
    """A group cannot be measured on this machine; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, against which bar, beside which peer.

    `numbers`, single measurements among them, go to the JSON file only.
    """

    figure: str
    measured: str
    bar: str = ""
    held: bool | None = None
    peer: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lab:
    folder: Path
    quick: bool = False
    long: bool = False
    console: Console = field(default_factory=Console)

    def say(self, text: str) -> None:
        """Tell whoever waits how far it is."""
        self.console.print(f"  {time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False)

    def seconds(self, wanted: float) -> float:
        return wanted / 3 if self.quick else wanted

    def rounds(self, wanted: int) -> int:
        return 1 if self.quick else wanted

    def frames(self, name: str, messages: Iterable[bytes]) -> Path:
        """Messages for the load generator."""
        path = self.folder / f"{name}.frames"
        path.write_bytes(b"".join(struct.pack("<I", len(m)) + m for m in messages))
        return path

    def load(self, target: str, method: str, frames: Path, *flags: str) -> dict[str, object]:
        """Run the load generator; its JSON line."""
        command = [
            str(build_loadgen()),
            "--target",
            target,
            "--method",
            method,
            "--frames",
            str(frames),
        ]
        done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"loadgen failed: {done.stderr[-800:]}")
        return json.loads(done.stdout)


@cache
def build_loadgen() -> Path:
    """The Rust load generator, built once per state of its sources, outside the checkout."""
    if shutil.which("cargo") is None:
        raise SystemExit("the benchmarks need cargo (https://rustup.rs) for their load generator")
    target = CACHE / "loadgen"
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "--target-dir", str(target)],
        cwd=BENCH / "loadgen",
        check=True,
    )
    return target / "release" / "loadgen"


@contextmanager
def python_process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """A helper program of ours that prints one JSON line when it is ready."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=BENCH.parent
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def delayed(target: str, round_trip_ms: float) -> Iterator[str]:
    """host:port that reaches `target` (host:port) with this much delay added to a round trip."""
    arguments = ("-m", "bench.delay", target, str(round_trip_ms / 2))
    with python_process(*arguments) as (_, facts):
        yield f"127.0.0.1:{facts['port']}"


def resident_mib(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / MIB


def tree_mib(pid: int) -> float:
    """Proportional memory of a process and its children: what ending them would free."""
    process = psutil.Process(pid)
    family = (process, *process.children(recursive=True))
    return sum(p.memory_full_info().pss for p in family) / MIB


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"no peak for {pid}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, in seconds."""
    process = psutil.Process(pid)
    times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * q), len(ordered) - 1)]
