"""Trying again while the server is away, and saying so once in a while."""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc
import stamina

from sp1tee.errors import ServerAway
from sp1tee.logs import get

SILENCE_BETWEEN_LINES: Final = 30.0
PASSING: Final = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)
"""Statuses of calls that may do better another time."""

_T = TypeVar("_T")
_log = get(__name__)

# Soon at first, because a server that restarts is back within a second or two.
_again = stamina.AsyncRetryingCaller(
    attempts=None, timeout=None, wait_initial=0.05, wait_max=3.0, wait_jitter=0.1
)


async def persist(what: str, call: Callable[[], Awaitable[_T]]) -> _T:
    """Await `call` again and again while it raises `ServerAway`, until it answers or is cancelled.

    Args:
        what: what is being done, for the log.
        call: makes one attempt.
    """
    return await _again(Grumble(what), call)


class Grumble:
    """Says that the server is away, at once and then every half minute, whatever fails meanwhile.

    Called with an error it tells whether that is worth another try.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._quiet_until = 0.0

    def __call__(self, error: Exception) -> bool:
        """Log it if it is time to; return whether to try again."""
        if not isinstance(error, ServerAway):
            return False
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + SILENCE_BETWEEN_LINES
            _log.warning("server away, trying again", doing=self._what, reason=error.message)
        return True
