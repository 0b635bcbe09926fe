"""What a requester is told while something goes on."""

from typing import Protocol

from sp1tee.client.status import Status
from sp1tee.errors import Unreachable


class Progress(Protocol):
    """Listens. Nothing it is told is secret."""

    def step(self, text: str) -> None:
        """Something new begins, e.g. ``registering the program``."""
        ...

    def transfer(self, text: str, size: int | None) -> None:
        """Bytes begin to move, from the first one on; `size` of them if that is known."""
        ...

    def moved(self, count: int) -> None:
        """So many more bytes have moved."""
        ...

    def status(self, status: Status) -> None:
        """The server was asked how far the request is."""
        ...

    def trouble(self, error: Unreachable) -> None:
        """An attempt failed and will be repeated unless time is up."""
        ...


class Silent:
    """Listens to nothing."""

    def step(self, text: str) -> None:
        """Ignore it."""

    def transfer(self, text: str, size: int | None) -> None:
        """Ignore it."""

    def moved(self, count: int) -> None:
        """Ignore it."""

    def status(self, status: Status) -> None:
        """Ignore it."""

    def trouble(self, error: Unreachable) -> None:
        """Ignore it."""
