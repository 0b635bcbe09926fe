"""Which HTTP status carries which error."""

from typing import Final

from sp1tee.errors import (
    BlobErased,
    LeaseLost,
    MethodNotAllowed,
    RangeRefused,
    Refusal,
    Sp1teeError,
    StoreFull,
    StoreUnavailable,
)

INTERNAL: Final = 500

_BY_KIND: Final[tuple[tuple[type[Sp1teeError], int], ...]] = (
    (StoreFull, 507),
    (StoreUnavailable, 503),
    (BlobErased, 410),
    (LeaseLost, 410),
    (MethodNotAllowed, 405),
    (RangeRefused, 416),
)
_BY_STATUS: Final = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "DEADLINE_EXCEEDED": 408,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 409,
    "OUT_OF_RANGE": 413,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


def http_status(error: Sp1teeError) -> int:
    """Return the status for an error; `INTERNAL` if it should not be told."""
    for kind, status in _BY_KIND:
        if isinstance(error, kind):
            return status
    return _BY_STATUS.get(error.status, INTERNAL) if isinstance(error, Refusal) else INTERNAL
