"""A native server that is looked for when it is first needed: only then can it be missing."""

import threading
from collections.abc import Callable

from sp1tee.native.client import Client
from sp1tee.native.process import START_SECONDS, NativeServer


class SoughtServer:
    """Stands for the server that is looked for."""

    def __init__(self, seek: Callable[[], NativeServer]) -> None:
        """Look for nothing yet; `seek` may raise `NativeGone`."""
        self._seek = seek
        self._found: NativeServer | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The found server's name."""
        return self._found.name if self._found else "the server"

    @property
    def starts(self) -> int:
        """How often the found server was started."""
        return self._found.starts if self._found else 0

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Find the server, and connect to it; raises `NativeGone`."""
        with self._lock:
            if self._found is None:
                self._found = self._seek()
        return self._found.connect(seconds)

    def stop(self) -> None:
        """End the server if it is ours and was found."""
        if self._found is not None:
            self._found.stop()

    def close(self) -> None:
        """End the server for good."""
        if self._found is not None:
            self._found.close()

    def post_mortem(self) -> str:
        """Return how the server ended."""
        return self._found.post_mortem() if self._found else ""
