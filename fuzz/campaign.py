"""Many targets side by side, each in a process of its own, within one number and one time."""

import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fuzz import corpus
from fuzz.meter import Meter
from fuzz.nursery import Task
from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[1]
_STATUS = re.compile(rb"cov: (\d+) ft: (\d+) corp: (\d+)")
_PEAK = re.compile(rb"stat::peak_rss_mb:\s+(\d+)")
_TAIL = 4000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one target.

    Attributes:
        name: the target's.
        inputs: how many were tried.
        taken: how many of them were well-formed.
        seconds: how long that took.
        slowest: the longest that one input took, in seconds.
        edges: how much of sp1tee's code was reached, as Atheris counts; 0 without it.
        corpus: how many inputs reached something that no other one did.
        memory_mb: the most memory that was resident; 0 if it is not known.
        findings: files with inputs that were neither taken nor refused, or another file that
            tells what happened.
    """

    name: str
    inputs: int
    taken: int
    seconds: float
    slowest: float
    edges: int
    corpus: int
    memory_mb: int
    findings: tuple[Path, ...]

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.inputs / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done.

    Attributes:
        inputs: of all targets together.
        seconds: for all targets together.
        at_once: how many targets run side by side.
        seed: what chance begins with.
        room: a folder for what is made on the way.
        findings: a folder for what is found.
    """

    inputs: int
    seconds: int
    at_once: int
    seed: int
    room: Path
    findings: Path


class Campaign:
    """One run over targets.

    Inputs and time are shared out anew whenever a target begins: what a slow one leaves undone
    falls to those behind it.
    """

    def __init__(self, names: Sequence[str], plan: Plan) -> None:
        self._waiting = deque(names)
        self._plan = plan
        self._inputs = plan.inputs
        self._end = time.monotonic() + plan.seconds

    def run(self) -> list[Outcome]:
        """Fuzz, telling on standard error which target is done, and return what became of all."""
        with ThreadPoolExecutor(self._plan.at_once) as threads:
            running = [threads.submit(self._work) for _ in range(self._plan.at_once)]
            return [outcome for worker in running for outcome in worker.result()]

    def _work(self) -> list[Outcome]:
        outcomes = []
        with Nurse() as nurse:
            while self._waiting:
                outcome = self._one(self._next(), nurse)
                self._inputs -= outcome.inputs
                _tell(outcome)
                outcomes.append(outcome)
        return outcomes

    def _next(self) -> Task:
        left = len(self._waiting)
        weights = sum(TARGETS[name].weight for name in self._waiting)
        name = self._waiting.popleft()
        share = min(self._plan.at_once * TARGETS[name].weight / weights, 1)
        seconds = (self._end - time.monotonic()) * share
        return Task(
            target=name,
            room=str(self._plan.room / name),
            inputs=max(self._inputs // left, 1),
            seconds=max(int(seconds), 1),
            seed=self._plan.seed,
        )

    def _one(self, task: Task, nurse: "Nurse") -> Outcome:
        room = Path(task.room)
        room.mkdir(parents=True)
        began = time.monotonic()
        code = nurse.carry_out(task)
        seconds = time.monotonic() - began
        findings = tuple(_kept(task.target, room, code, self._plan.findings))
        said = (room / "log").read_bytes()
        edges, _, kept = _last(_STATUS, said) or (0, 0, 0)
        peak = _last(_PEAK, said) or (0,)
        with Meter(room / "meter") as meter:
            figures = (meter.inputs, meter.taken, seconds, meter.slowest)
        return Outcome(task.target, *figures, edges, kept, peak[0], findings)


class Nurse:
    """A process that forks one for each task."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def carry_out(self, task: Task) -> int:
        """Return the exit code of the process that did a task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task.write())
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def _tell(outcome: Outcome) -> None:
    found = f", {len(outcome.findings)} findings" if outcome.findings else ""
    sys.stderr.write(f"{outcome.name}: {outcome.inputs:,} inputs{found}\n")
    sys.stderr.flush()


def _kept(name: str, room: Path, code: int, folder: Path) -> Iterator[Path]:
    """Move what was found to where it stays; without an input, the log is what there is."""
    found = sorted((room / "found").glob("*"))
    if code == 0 and not found:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # The same input may be there twice, as its engine and its target each keep it.
    for digest, path in {corpus.name_of(path.read_bytes()): path for path in found}.items():
        yield Path(shutil.move(path, folder / f"{name}--{digest}"))
    log = folder / f"{name}.log"
    log.write_bytes((room / "log").read_bytes()[-_TAIL:])
    if not found:
        yield log


def _last(pattern: re.Pattern[bytes], said: bytes) -> tuple[int, ...] | None:
    found = pattern.findall(said)
    if not found:
        return None
    last = found[-1]
    return tuple(map(int, last if isinstance(last, tuple) else (last,)))
