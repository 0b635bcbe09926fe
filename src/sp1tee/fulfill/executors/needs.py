"""What a worker asks of its executor."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Choice: TypeAlias = Literal["auto", "native", "unicorn"]
"""Which executor: SP1's own, an emulator, or SP1's own where it is found."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an executor is opened for.

    Attributes:
        at_once: how many guests run at a time.
        ahead: for how many guests a process is kept ready.
        memory_bytes: how much memory each may use.
        request_bytes: the largest program and its largest input together.
    """

    at_once: int
    ahead: int
    memory_bytes: int
    request_bytes: int
