"""What running a command line gives, in this process or as one of its own."""

import re
import subprocess
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def plain(self) -> str:
        """What it said on stderr, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.err)


class Run(Protocol):
    """Runs a command line."""

    def __call__(self, *arguments: object) -> Ran: ...


class Prove(Protocol):
    """Runs `sp1tee prove` on a program."""

    def __call__(self, *arguments: object, program: object = ...) -> Ran: ...


class Start(Protocol):
    """Starts a command line as a process."""

    def __call__(self, *arguments: object) -> subprocess.Popen[str]: ...


class Break(Protocol):
    """Makes every command end with an error."""

    def __call__(self, error: BaseException) -> None: ...
