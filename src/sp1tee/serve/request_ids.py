"""Short names for requests and calls, by which an answer finds its lines in the log."""

import itertools
import secrets


class RequestIds:
    """Counts; the part before the dash is another one after every start."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(3)
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """Make another id."""
        return f"{self._run}-{next(self._numbers)}"
