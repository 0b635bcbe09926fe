"""What a native server says on standard error, of which only the harmless part is kept.

Before anybody connected it has seen no input, so its last lines can tell why it does not start.
Afterwards its words could quote an input; only the places of panics are kept, which cannot.
"""

import re
import threading
from collections import deque
from typing import IO, Final

_LINES: Final = 4
_LINE_LENGTH: Final = 4096
_SHOWN: Final = 300
_END_SECONDS: Final = 1.0
_PANIC: Final = re.compile(rb"panicked at ([\w./-]{1,200}\.rs:\d{1,7})")


class Talk:
    """Reads a stream to its end, in a thread of its own, so that its writer never waits."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Take over `stream`, and close it at its end."""
        self._last: deque[bytes] = deque(maxlen=_LINES)
        self._place = b""
        self._hushed = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def hush(self) -> None:
        """Keep none of what is said from now on, and forget what was said."""
        self._hushed.set()
        self._last.clear()

    @property
    def hushed(self) -> bool:
        """Whether it was told to keep nothing, as somebody had connected."""
        return self._hushed.is_set()

    def last_words(self) -> str:
        """Return the last lines, with a space in front; empty if nothing was kept."""
        self._thread.join(_END_SECONDS)
        text = b" ".join(self._last).decode("ascii", "replace")
        shown = "".join(mark for mark in text if mark.isascii() and mark.isprintable())[-_SHOWN:]
        return f" It said: {shown}" if shown else ""

    def place(self) -> str:
        """Return where it panicked last, as words; empty if it did not."""
        self._thread.join(_END_SECONDS)
        return f" after a panic at {self._place.decode()}" if self._place else ""

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(_LINE_LENGTH):
                if found := _PANIC.search(line):
                    self._place = found[1]
                if not self._hushed.is_set():
                    self._last.append(line.strip())
