"""Which worker a call comes from: found at the gate, asked for wherever a lease is shown.

It travels beside the call, in its context, so that no handler can mix it up with what a message
says. Where nobody is set, it is whoever shows the token that workers share. To those, the leases of
workers with tokens of their own do not exist: a handler that forgets to ask is refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_IDENTITY: Final[ContextVar[str | None]] = ContextVar("worker identity", default=None)


def caller() -> str | None:
    """Return the worker whose own token this call showed; None for the shared token."""
    return _IDENTITY.get()


@contextmanager
def calling(identity: str | None) -> Iterator[None]:
    """Have the calls of this block come from a worker."""
    before = _IDENTITY.set(identity)
    try:
        yield
    finally:
        _IDENTITY.reset(before)
