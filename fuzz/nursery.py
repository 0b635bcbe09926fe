"""``python -m fuzz.nursery``: forks a process for each task, which a finding may end.

A line of JSON comes for each task and a line with the exit code goes back. sp1tee is imported only
once, before the first: so that every child can tell which lines it runs, that takes seconds.
"""

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from fuzz import blind, guided
from fuzz.meter import Meter
from fuzz.target import Target

SPARE_SECONDS = 60
"""How much longer than it was told a child may take to read its corpus and to be stopped."""

_KILLED = 137
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Task:
    """What a child does.

    Attributes:
        target: the target's name.
        room: an existing folder for what it makes: ``log``, ``meter``, ``found``, ``corpus``.
        inputs: how many inputs are enough.
        seconds: how long is enough.
        seed: what chance begins with.
    """

    target: str
    room: str
    inputs: int
    seconds: int
    seed: int

    @classmethod
    def read(cls, line: str) -> Self:
        """Read what `write` wrote."""
        return cls(**json.loads(line))

    def write(self) -> str:
        """Write it as one line."""
        return json.dumps(asdict(self)) + "\n"


def main() -> None:
    """Carry out tasks until there are no more."""
    if guided.available():
        guided.watch_sp1tee()
    # Only now: what is imported before is not watched.
    from fuzz.targets import TARGETS  # noqa: PLC0415

    for line in sys.stdin:
        task = Task.read(line)
        code = _wait(_fork(task, TARGETS[task.target]), task.seconds + SPARE_SECONDS)
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _fork(task: Task, target: Target) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _become_quiet(Path(task.room) / "log")
        _carry_out(task, target)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the log has it and the parent its code
        sys.excepthook(*sys.exc_info())
    sys.exit(code)


def _become_quiet(log: Path) -> None:
    """Have everything that this process says written to a file."""
    sink = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(sink, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _carry_out(task: Task, target: Target) -> None:
    engine = guided.fuzz if guided.available() and not target.blind else blind.fuzz
    room = Path(task.room)
    with Meter(room / "meter") as meter:
        engine(target, meter, room, inputs=task.inputs, seconds=task.seconds, seed=task.seed)


def _wait(child: int, seconds: float) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_LOOK_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return _KILLED


if __name__ == "__main__":
    main()
