"""Waiting that ends: a timeout on a socket starts anew with every byte, a deadline doesn't."""

import time

from sp1tee.errors import FetchError


class Deadline:
    """A point in time after which nothing more is waited for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def within(self, seconds: float) -> "Deadline":
        """Return one that is no later than this, and no more than some seconds away."""
        return Deadline(min(seconds, self._end - time.monotonic()))

    def left(self) -> float:
        """Return how many seconds are left; raises `FetchError` if none are."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise FetchError("It took too long.", advice="Try again later.")
        return left
