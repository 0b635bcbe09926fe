"""How many descriptors this process may have, and how many connections that is good for."""

import resource
from typing import Final

RESERVED: Final = 192
"""For the database, the vault's files, and what else is open."""

PER_CONNECTION: Final = 2
"""The connection, and the blob that it sends or takes."""

_ENOUGH: Final = 1 << 16


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as it may allow itself; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _ENOUGH
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


def affordable_connections(descriptors: int, *, listeners: int) -> int:
    """Return how many connections each listener can have.

    More must not be accepted: the HTTP server stops when there is no descriptor for the next one.
    """
    return max(1, (descriptors - RESERVED) // PER_CONNECTION // listeners)
