"""What is in flight, counted, so that a server can stop without cutting anything off."""

import asyncio


class Gate:
    """Lets work in until it is closed, and tells when the last of it has left.

    Everything happens on one event loop; nothing here waits but `emptied`.
    """

    __slots__ = ("_empty", "closed", "inside")

    def __init__(self) -> None:
        self.closed = False
        self.inside = 0
        self._empty = asyncio.Event()

    def enter(self) -> bool:
        """Let one piece of work in, unless the gate is closed. Each entry needs one `leave`."""
        if self.closed:
            return False
        self.inside += 1
        return True

    def leave(self) -> None:
        """Tell that one piece of work is over."""
        self.inside -= 1
        if self.closed and not self.inside:
            self._empty.set()

    def close(self) -> None:
        """Let nothing in any more."""
        self.closed = True
        if not self.inside:
            self._empty.set()

    async def emptied(self) -> None:
        """Wait until the gate is closed and everything has left."""
        await self._empty.wait()
