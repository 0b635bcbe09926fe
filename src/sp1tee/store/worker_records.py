"""What the store knows of workers with tokens of their own. Times are Unix seconds."""

from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """Whether a worker with tokens of its own gets work."""

    ACTIVE = "active"
    DRAINING = "draining"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class WorkerToken:
    """A token of one worker, or a certificate. The store keeps only its hash."""

    id: str
    """Names it, ``wtoken_…`` or ``wcert_…``; is no part of it."""
    created_at: int


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A worker with tokens of its own."""

    name: str
    state: WorkerState
    reason: str | None
    """Why it is in quarantine."""
    created_at: int
    tokens: tuple[WorkerToken, ...]
    """Those that are good now, oldest first."""
