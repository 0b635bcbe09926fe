"""What operators ask about requests and are told: never a byte of an input, never a secret."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sp1tee.errors import MalformedCall, WireError
from sp1tee.store.records import OPEN_STATES, Attempt, RequestFilter, RequestRecord, State
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import worker_pb2
from sp1tee.wire.signing import parse_address

MOST: Final = 1000
USUAL: Final = 100

Query = Callable[[str], str | None]
"""Returns a field of a query, None where it is not there exactly once."""


def wanted_of(query: Query) -> RequestFilter:
    """Read which requests to list: ``state`` (several with commas), ``requester``, ``limit``.

    Raises:
        MalformedCall: a field means nothing.
    """
    return RequestFilter(
        states=_states(query("state")),
        requester=_requester(query("requester")),
        limit=_limit(query("limit")),
        oldest_first=True,
    )


def request_fields(record: RequestRecord, now: float) -> dict[str, Any]:
    """Describe a request."""
    return {
        "id": record.key,
        "request_id": record.request_id.hex() if record.request_id is not None else None,
        "state": record.state.value,
        "requester": f"0x{record.requester.hex()}",
        "vk_hash": record.vk_hash.hex(),
        "version": record.version,
        "mode": str(Mode(record.mode)),
        "accepted_at": moment(record.created_at),
        "age_s": max(0, int(now) - record.created_at),
        "deadline": moment(record.deadline),
        "attempts": record.attempts,
        "worker": record.worker,
        "stage": _stage(record) if record.state is State.LEASED else None,
        "reason": record.text,
        "tell_attempts": record.tell_attempts,
        "tell_error": record.tell_error,
    }


def attempt_fields(attempt: Attempt) -> dict[str, Any]:
    """Describe one worker's try."""
    return {
        "worker": attempt.worker,
        "began_at": moment(attempt.began_at),
        "ended_at": moment(attempt.ended_at),
        "outcome": attempt.outcome or "holds it",
        "reason": attempt.reason,
    }


def moment(seconds: float | None) -> str | None:
    """Write a time in RFC 3339; None for none, or for one beyond any calendar."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _states(text: str | None) -> frozenset[State]:
    if text is None:
        return OPEN_STATES
    try:
        return frozenset(map(State, text.split(",")))
    except ValueError:
        raise MalformedCall(
            "The state is none.", advice=f"Give some of {', '.join(State)}, with commas."
        ) from None


def _requester(text: str | None) -> bytes | None:
    try:
        return None if text is None else bytes(parse_address(text))
    except WireError as error:
        raise MalformedCall(error.message, advice=error.advice) from None


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST))):
        raise MalformedCall("The limit is no number.", advice=f"Give 1 to {MOST}.")
    return min(max(int(text), 1), MOST)


def _stage(record: RequestRecord) -> str:
    try:
        name = worker_pb2.Stage.Name(record.stage)  # type: ignore[arg-type]  # a worker's number
    except ValueError:
        return str(record.stage)
    return name.removeprefix("STAGE_").lower()
