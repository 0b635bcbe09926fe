"""The stages of a run on stderr: a live table on a terminal, lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from sp1tee.sim.demo import Stages

_REFRESH_PER_SECOND: Final = 8
_MINUTE: Final = 60

Clock = Callable[[], float]


@contextmanager
def showing(console: Console) -> Iterator[Stages]:
    """Show what is told inside of this; afterwards the last stage has ended."""
    if not console.is_terminal:
        lines = StageLines(console)
        yield lines
        lines.end()
        return
    table = StageTable()
    with Live(table, console=console, refresh_per_second=_REFRESH_PER_SECOND):
        yield table
        table.end()


@dataclass(slots=True)
class _Stage:
    text: str
    began: float
    took: float | None = None
    note: str = ""


class StageTable:
    """A table of the stages with their times; of the running one both move."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._stages: list[_Stage] = []
        self._spinner = Spinner("dots", style="cyan")

    def begin(self, text: str) -> None:
        """Add a stage; the one before has ended."""
        self.end()
        self._stages.append(_Stage(text, self._clock()))

    def note(self, text: str) -> None:
        """Say something of the running stage."""
        self._stages[-1].note = text

    def end(self) -> None:
        """Let no stage run."""
        if self._stages and self._stages[-1].took is None:
            self._stages[-1].took = self._clock() - self._stages[-1].began

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(min_width=40)
        table.add_column(justify="right", min_width=11, no_wrap=True)
        table.add_column(style="dim")
        for stage in self._stages:
            running = stage.took is None
            took = self._clock() - stage.began if stage.took is None else stage.took
            mark = self._spinner if running else Text("✓", style="green")
            table.add_row(mark, Text(stage.text), duration(took), Text(stage.note))
        return table


class StageLines:
    """A line when a stage begins, and one when it has ended."""

    def __init__(self, console: Console, clock: Clock = time.perf_counter) -> None:
        self._console = console
        self._clock = clock
        self._stage: _Stage | None = None

    def begin(self, text: str) -> None:
        """Tell of a stage; the one before has ended."""
        self.end()
        self._say(f"{text} …")
        self._stage = _Stage(text, self._clock())

    def note(self, text: str) -> None:
        """Say this when the running stage ends."""
        if self._stage is not None:
            self._stage.note = text

    def end(self) -> None:
        """Tell how long the running stage took."""
        if self._stage is not None:
            took = duration(self._clock() - self._stage.began)
            self._say(f"  {took}  {self._stage.note}".rstrip())
            self._stage = None

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)


def duration(seconds: float) -> str:
    """Write a time as people say it, such as ``83 ms``, ``12.3 s`` or ``7 min 05 s``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest:02} s"
