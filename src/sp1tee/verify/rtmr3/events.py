"""Event logs of TDX guests, as dstack's guest agent writes them: strict types, nothing judged.

Each event is an object::

    {"imr": 0..3, "event_type": u32, "digest": hex of 48 bytes or "", "event": name,
     "event_payload": hex, "version": 1 or 2, if left out 1, "preimage": hex, if there is one}

(dstack `cc-eventlog`, `TdxEvent`). `imr` counts RTMRs from 0. Other keys measure nothing and are
passed over.
"""

import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import from_hex, read_json
from sp1tee.verify.reading.files import KIB, MIB

RUNTIME: Final = 0x08000001
"""The event type of everything that dstack extends RTMR3 with."""
RTMR3: Final = 3
REGISTER_SIZE: Final = 48

LIMIT: Final = MIB
"""How many bytes a log's JSON may have; real ones have some 10 KB."""
MAX_EVENTS: Final = 1024
"""Real logs have about 30 events; a container may add to them."""
MAX_NAME: Final = 256
MAX_PAYLOAD: Final = 64 * KIB
"""The largest genuine payloads are Secure Boot databases in RTMR0."""
MAX_TOTAL: Final = MIB
"""How many bytes all payloads and preimages may have together."""
_U32: Final = 2**32
_PLAIN: Final = re.compile(r"[ -9;-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of an event log.

    Attributes:
        imr: which RTMR was extended.
        event_type: `RUNTIME`, or a type of the TCG's for boot events.
        name: what dstack calls it; empty for boot events.
        payload: what was measured; may be stripped from boot events.
        digest: the given digest; None if the log leaves it out.
        version: how the digest is made, 1 or 2.
        preimage: what the log says was hashed; None if it doesn't.
    """

    imr: int
    event_type: int
    name: str
    payload: bytes
    digest: bytes | None
    version: int = 1
    preimage: bytes | None = None


def is_plain(name: str) -> bool:
    """Tell whether a name can be read in one way only: printable ASCII without a colon.

    The colon parts name and payload in what is hashed, so that it must not occur in a name.
    """
    return _PLAIN.fullmatch(name) is not None


def event_log_of(value: Json) -> Json:
    """Find the event log in any of the things that carry one.

    Takes the log itself, as a list or a string of JSON; a GetQuote answer or a ``tcb_info.json``,
    which have `event_log`; and an Info answer, whose `tcb_info` is an object or a string of JSON.

    Raises:
        EvidenceMissing: there is no event log in it.
        EvidenceMalformed, EvidenceTooLarge: an inner string is not the JSON it should be.
    """
    if isinstance(value, str):
        value = _inner(value)
    if not isinstance(value, dict):
        return value
    if "event_log" in value:
        return value["event_log"]
    info = value.get("tcb_info")
    if isinstance(info, str) and info:
        info = _inner(info)
    if isinstance(info, dict) and "event_log" in info:
        return info["event_log"]
    raise EvidenceMissing(
        "There is no event log in it.",
        advice="Give a GetQuote answer, an Info answer, or tcb_info.json, with its event_log.",
    )


def read_events(value: Json) -> tuple[Event, ...]:
    """Read an event log: a list of events, or a string that holds one.

    Raises:
        EvidenceMalformed: it is none, or one of its fields has another type or size.
        EvidenceTooLarge: it has more events, or longer ones, than a genuine log.
    """
    if isinstance(value, str):
        value = _inner(value)
    if not isinstance(value, list):
        raise EvidenceMalformed("The event log is no list.")
    if len(value) > MAX_EVENTS:
        raise EvidenceTooLarge(f"The event log has more than {MAX_EVENTS} events.")
    events, total = [], 0
    for index, entry in enumerate(value):
        event = _event(entry, f"event_log[{index}]")
        total += len(event.payload) + len(event.preimage or b"")
        if total > MAX_TOTAL:
            raise EvidenceTooLarge(f"The event log's payloads have more than {MAX_TOTAL} bytes.")
        events.append(event)
    return tuple(events)


def _inner(text: str) -> Json:
    # Read strictly once already, as a string; what it holds has not been.
    return read_json(text.encode("utf-8", "surrogatepass"), "The event log", limit=LIMIT)


def _event(entry: Json, what: str) -> Event:
    if not isinstance(entry, dict):
        raise EvidenceMalformed(f"{what} is no object.")
    return Event(
        imr=_integer(entry, "imr", what, range(RTMR3 + 1)),
        event_type=_integer(entry, "event_type", what, range(_U32)),
        name=_name(entry, what),
        payload=_payload(entry, what),
        digest=_digest(entry, what),
        version=_integer({"version": 1} | entry, "version", what, range(1, 3)),
        preimage=_preimage(entry, what),
    )


def _integer(entry: dict[str, Json], key: str, what: str, allowed: range) -> int:
    value = entry.get(key)
    # True, 3.0 and "3" are 3 for some readers and not for others.
    if type(value) is not int or value not in allowed:
        raise EvidenceMalformed(
            f"{what} has no {key} that is an integer from {allowed[0]} to {allowed[-1]}."
        )
    return value


def _name(entry: dict[str, Json], what: str) -> str:
    name = entry.get("event")
    if not isinstance(name, str):
        raise EvidenceMalformed(f"{what} has no name.")
    if len(name) > MAX_NAME:
        raise EvidenceTooLarge(f"{what} has a name of more than {MAX_NAME} characters.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise EvidenceMalformed(f"{what} has a name that is no Unicode.") from None
    return name


def _payload(entry: dict[str, Json], what: str) -> bytes:
    return _capped(entry.get("event_payload"), f"{what}.event_payload", MAX_PAYLOAD)


def _digest(entry: dict[str, Json], what: str) -> bytes | None:
    given = entry.get("digest")
    return None if given == "" else from_hex(given, f"{what}.digest", size=REGISTER_SIZE)


def _preimage(entry: dict[str, Json], what: str) -> bytes | None:
    given = entry.get("preimage")
    # The canonical form holds the payload as hex.
    longest = 2 * (MAX_PAYLOAD + MAX_NAME)
    return None if given is None else _capped(given, f"{what}.preimage", longest)


def _capped(value: Json, what: str, limit: int) -> bytes:
    if isinstance(value, str) and len(value.removeprefix("0x")) > 2 * limit:
        raise EvidenceTooLarge(f"{what} has more than {limit} bytes.")
    return from_hex(value, what)
