"""What the load generator was told, written down line by line before anything else happens."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Told(StrEnum):
    """How a request ended, as its requester was told."""

    OPEN = "open"
    """It was accepted, and nothing more is known."""
    PROVED = "proved"
    FAILED = "failed"
    REFUSED = "refused"
    """It was never accepted."""
    UNCLEAR = "unclear"
    """The requester's patience ended before any answer came."""
    UNKNOWN = "unknown"
    """It was accepted, and the server knows nothing of it."""
    OVERDUE = "overdue"
    """It was accepted, its deadline is long past, and no end was told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the load generator's.

    Attributes:
        number: its own count.
        amount: the public amount, which tells its proof from all others.
        request_id: hex digits, once it was accepted.
        told: how it ended.
        reason: the words that came with a failure or a refusal.
        proof: sha256 of the proof that was downloaded, hex digits.
        wrong: why that proof does not hold; empty if it does.
    """

    number: int
    amount: int
    request_id: str | None = None
    told: Told = Told.OPEN
    reason: str = ""
    proof: str | None = None
    wrong: str = ""


@dataclass(slots=True)
class Ledger:
    """Appends lines, each on disk before `write` returns; from any thread."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _file: int = -1

    def __post_init__(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, number: int, **facts: object) -> None:
        """Note what is known of a request from now on."""
        line = json.dumps({"number": number, **facts}) + "\n"
        with self._lock:
            os.write(self._file, line.encode())
            os.fsync(self._file)

    def close(self) -> None:
        """Write no more."""
        os.close(self._file)


def read(path: Path) -> tuple[Asked, ...]:
    """Read a ledger: the last word on every request, in the order of asking."""
    known: dict[int, dict[str, object]] = {}
    for line in path.read_text().splitlines():
        facts = json.loads(line)
        known.setdefault(facts["number"], {}).update(facts)
    return tuple(_asked(facts) for _, facts in sorted(known.items()))


def _asked(facts: Mapping[str, object]) -> Asked:
    told = Told(str(facts.get("told", Told.OPEN if "request_id" in facts else Told.UNCLEAR)))
    return Asked(
        number=int(str(facts["number"])),
        amount=int(str(facts["amount"])),
        request_id=_text(facts, "request_id"),
        told=told,
        reason=_text(facts, "reason") or "",
        proof=_text(facts, "proof"),
        wrong=_text(facts, "wrong") or "",
    )


def _text(facts: Mapping[str, object], name: str) -> str | None:
    value = facts.get(name)
    return None if value is None else str(value)
