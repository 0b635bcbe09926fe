"""Certificate Transparency logs, from a log list in Google's version 3 format.

Schema: https://www.gstatic.com/ct/log_list/v3/log_list_schema.json. Logs of both kinds, RFC 6962
and tiled (static-ct-api), sign the same way, so they are read alike.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import read_object

MAX_LIST: Final = 4 * 1024 * 1024
"""Google's list of all logs, however old, has some 160 KB."""
MAX_LOGS: Final = 5000

SHIPPED: Final = Path(__file__).parent / "data" / "ct_logs.json"
_WHAT: Final = "The CT log list"


class LogState(StrEnum):
    """What Chrome's programme says of a log; its SCTs count in the first three states.

    A retired log's count if they are older than its retirement.
    """

    QUALIFIED = "qualified"
    USABLE = "usable"
    READONLY = "readonly"
    RETIRED = "retired"
    PENDING = "pending"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Log:
    """A log.

    Attributes:
        name: the list's description of it.
        operator: who runs it.
        id: SHA-256 of its key.
        key: its public key, DER (SubjectPublicKeyInfo).
        state: what the list says of it, `since` when (Unix milliseconds).
        first: the earliest notAfter it takes certificates for, Unix seconds; None: any.
        end: the earliest notAfter it takes no more.
    """

    name: str
    operator: str
    id: bytes
    key: bytes = field(repr=False)
    state: LogState
    since: int
    first: int | None
    end: int | None

    def takes(self, not_after: int) -> bool:
        """Whether it logs certificates that expire then (Unix seconds)."""
        return (self.first is None or self.first <= not_after) and (
            self.end is None or not_after < self.end
        )

    def counts(self, timestamp: int) -> bool:
        """Whether an SCT of that time (Unix milliseconds) counts."""
        if self.state is LogState.RETIRED:
            return timestamp < self.since
        return self.state in {LogState.QUALIFIED, LogState.USABLE, LogState.READONLY}


@dataclass(frozen=True, slots=True)
class LogList:
    """A log list: its version, the date it says it is of, and its logs by id."""

    version: str
    timestamp: str
    logs: Mapping[bytes, Log] = field(repr=False)


def read_logs(data: bytes, what: str = _WHAT) -> LogList:
    """Read a log list; `what` is its name in an error.

    Raises:
        EvidenceTooLarge: it is larger than any.
        EvidenceMalformed: it is none, or a log's id is not its key's, or a log is in it twice.
    """
    document = read_object(data, what, limit=MAX_LIST)
    logs: dict[bytes, Log] = {}
    for operator, entry in _entries(document):
        log = _log(operator, entry)
        if log.id in logs:
            raise EvidenceMalformed(f"{_WHAT} has {log.name!r} twice.")
        if len(logs) == MAX_LOGS:
            raise EvidenceMalformed(f"{_WHAT} has more than {MAX_LOGS} logs.")
        logs[log.id] = log
    if not logs:
        raise EvidenceMalformed(f"{_WHAT} has no logs.")
    timestamp = _text(document, "log_list_timestamp")
    _seconds(timestamp)
    return LogList(str(document.get("version", ""))[:40], timestamp, logs)


@cache
def shipped_logs() -> LogList:
    """Return the list that comes with this version."""
    return read_logs(SHIPPED.read_bytes())


def _entries(document: dict[str, Json]) -> Iterator[tuple[str, dict[str, Json]]]:
    for operator in _objects(document, "operators"):
        name = _text(operator, "name")
        for kind in ("logs", "tiled_logs"):
            for entry in _objects(operator, kind) if kind in operator else ():
                yield name, entry


def _log(operator: str, entry: dict[str, Json]) -> Log:
    key = _bytes(entry, "key")
    identity = _bytes(entry, "log_id")
    name = str(entry.get("description", ""))[:100] or identity.hex()
    if hashlib.sha256(key).digest() != identity:
        raise EvidenceMalformed(f"{_WHAT}: the id of {name!r} is not its key's.")
    state, since = _state(entry)
    first, end = _interval(entry)
    return Log(name, operator, identity, key, state, since, first, end)


def _state(entry: dict[str, Json]) -> tuple[LogState, int]:
    """Read a log's state; test logs have a type instead, or nothing."""
    states = entry.get("state")
    if entry.get("log_type", "prod") != "prod" or not isinstance(states, dict) or len(states) != 1:
        return LogState.UNKNOWN, 0
    word, about = next(iter(states.items()))
    if word not in set(LogState) or not isinstance(about, dict):
        return LogState.UNKNOWN, 0
    return LogState(word), _seconds(_text(about, "timestamp")) * 1000


def _interval(entry: dict[str, Json]) -> tuple[int | None, int | None]:
    interval = entry.get("temporal_interval")
    if interval is None:
        return None, None
    if not isinstance(interval, dict):
        raise EvidenceMalformed(f"{_WHAT}: an interval is no object.")
    first = _seconds(_text(interval, "start_inclusive"))
    return first, _seconds(_text(interval, "end_exclusive"))


def _objects(holder: dict[str, Json], key: str) -> Iterator[dict[str, Json]]:
    value = holder.get(key)
    if not isinstance(value, list):
        raise EvidenceMalformed(f"{_WHAT}: {key} is no list.")
    for item in value:
        if not isinstance(item, dict):
            raise EvidenceMalformed(f"{_WHAT}: {key} holds something other than objects.")
        yield item


def _text(holder: dict[str, Json], key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str):
        raise EvidenceMalformed(f"{_WHAT}: {key} is no text.")
    return value


def _bytes(holder: dict[str, Json], key: str) -> bytes:
    try:
        return base64.b64decode(_text(holder, key), validate=True)
    except (binascii.Error, ValueError):
        raise EvidenceMalformed(f"{_WHAT}: a {key} is no base64.") from None


def _seconds(text: str) -> int:
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is not None:
            return int(read.timestamp())
    except (ValueError, OverflowError):
        pass
    raise EvidenceMalformed(f"{_WHAT} holds a time that is no RFC 3339.") from None
