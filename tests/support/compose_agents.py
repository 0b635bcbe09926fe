"""A guest agent for containers."""

from pathlib import Path
from typing import Self

from sp1tee.sim.processes import Process


class Agent:
    """A guest agent at a socket, which can become another application's."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "dstack.sock"
        self._log = folder / "log"
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.becomes()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def becomes(self, *flags: str) -> None:
        self._stop()
        command = ("sim", "dstack", "--socket", str(self.socket), *flags)
        self._process = Process.start("agent", command, self._log)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop()
