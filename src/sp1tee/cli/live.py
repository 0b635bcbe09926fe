"""What goes on, on stderr: bars on a terminal, one line a step elsewhere."""

import logging
from types import TracebackType
from typing import Final, Self

import stamina
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from sp1tee.cli.render import note, talk, warn
from sp1tee.client.status import Execution, Fulfillment, Status
from sp1tee.errors import Unreachable

_WORDS: Final = {
    (Fulfillment.REQUESTED, Execution.UNEXECUTED): "waiting to be assigned",
    (Fulfillment.ASSIGNED, Execution.UNEXECUTED): "waiting for the proof",
    (Fulfillment.ASSIGNED, Execution.EXECUTED): "proved, being handed over",
}


class Live:
    """Shows a requester's progress; use it as a context manager."""

    def __init__(self) -> None:
        self._console = talk()
        self._steps = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            transient=True,
        )
        self._shown: Progress | None = None
        self._task: TaskID | None = None
        self._said = ""

    def __enter__(self) -> Self:
        # What goes wrong is told by `trouble` and by errors; these two would log it as well.
        logging.getLogger("grpc").setLevel(logging.CRITICAL)
        stamina.instrumentation.set_on_retry_hooks([])
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._clear()

    def step(self, text: str) -> None:
        """Show what is being done."""
        if self._say(text):
            self._show(self._steps, text, None)

    def transfer(self, text: str, size: int | None) -> None:
        """Show a bar from its beginning."""
        self._say(text)
        self._show(self._bars, text, size)

    def moved(self, count: int) -> None:
        """Move the bar on."""
        if self._shown is not None and self._task is not None:
            self._shown.advance(self._task, count)

    def status(self, status: Status) -> None:
        """Show how far the request is."""
        if (words := _WORDS.get((status.fulfillment, status.execution))) is not None:
            self.step(words)

    def trouble(self, error: Unreachable) -> None:
        """Say that an attempt failed, once for a row of the same failures."""
        if error.message != self._said:
            self._said = error.message
            warn(f"{error.message} Trying again …")

    def _say(self, text: str) -> bool:
        """Say something new where there is no terminal; tells whether it is new."""
        if text == self._said:
            return False
        self._said = text
        if not self._console.is_terminal:
            note(f"{text} …")
        return True

    def _show(self, progress: Progress, text: str, size: int | None) -> None:
        self._clear()
        if self._console.is_terminal:
            progress.start()
            self._shown = progress
            self._task = progress.add_task(text, total=size)

    def _clear(self) -> None:
        if self._shown is not None and self._task is not None:
            self._shown.remove_task(self._task)
            self._shown.stop()
        self._shown = self._task = None
