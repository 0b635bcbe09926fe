"""A quote in any of the shapes in which tools hand it around, made into bytes.

Raw; hex text; a JSON array of byte values; and the JSON objects of dstack's guest agents: `quote`
is hex with or without ``0x`` (or an array), `event_log` a list or a string that holds one, and
`report_data`, `hash_algorithm` and `prefix` are mere claims about what was quoted
(`Tappd.RawQuote`, dstack 0.3 to 0.5; `GetQuote`, dstack 0.5 and later).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import from_hex, read_json
from sp1tee.verify.reading.files import KIB, MIB

FILE_LIMIT: Final = MIB
"""A quote's JSON has up to 60 KB, most of it the event log."""
QUOTE_LIMIT: Final = 64 * KIB
"""Real quotes have 5 KB; some tools hand out their whole buffer of 8 or 16 KB."""

_VERSIONS: Final = {b"\x03\x00", b"\x04\x00", b"\x05\x00"}
_BYTE: Final = range(256)
_WHAT: Final = "The quote"
_AGAIN: Final = "Its guest could not be asked: restart it, or fetch the evidence again."


@dataclass(frozen=True, slots=True)
class QuoteInput:
    """A quote, and what its file says beside it.

    Attributes:
        raw: the quote's bytes, the padding that may follow it included.
        event_log: the log's events as they stand there, unjudged; None if there is no log.
        vm_config: dstack's description of the virtual machine, unjudged.
        claims: everything else in the JSON object.
    """

    raw: bytes = field(repr=False)
    event_log: tuple[dict[str, Json], ...] | None = None
    vm_config: str | None = None
    claims: Mapping[str, Json] = field(default_factory=dict)


def read_quote(data: bytes) -> QuoteInput:
    """Read a quote.

    Raises:
        EvidenceMissing: there is none: the file is empty, or says so.
        EvidenceMalformed: it has none of the known shapes.
        EvidenceTooLarge: it is larger than anything genuine.
    """
    if len(data) > FILE_LIMIT:
        raise EvidenceTooLarge(f"{_WHAT} has more than {FILE_LIMIT} bytes.")
    text = data.strip()
    if not text:
        raise EvidenceMissing("The evidence has no quote: the file is empty.", advice=_AGAIN)
    if data[:2] in _VERSIONS:
        return QuoteInput(_sized(data))
    if text[:1] in {b"{", b"["}:
        return _from_json(read_json(data, _WHAT, limit=FILE_LIMIT))
    return QuoteInput(_sized(_from_text(text)))


def _from_text(text: bytes) -> bytes:
    try:
        return from_hex(text.decode("ascii"), _WHAT)
    except UnicodeDecodeError:
        raise EvidenceMalformed(f"{_WHAT} is neither raw, nor hex, nor JSON.") from None


def _from_json(value: Json) -> QuoteInput:
    if not isinstance(value, dict):
        return QuoteInput(_sized(_from_array(value)))
    quote = value.get("quote")
    if not quote:
        raise EvidenceMissing("The evidence has no quote.", advice=_why_none(value))
    raw = from_hex(quote, _WHAT) if isinstance(quote, str) else _from_array(quote)
    return QuoteInput(
        _sized(raw),
        _event_log(value.get("event_log")),
        _vm_config(value.get("vm_config")),
        {key: value[key] for key in value.keys() - {"quote", "event_log", "vm_config"}},
    )


def _why_none(value: Mapping[str, Json]) -> str:
    if "error" in value:
        return f"The file holds an error in its place. {_AGAIN}"
    if "attestation" in value:
        return "It holds another form of attestation: ask the guest agent for GetQuote."
    return "Name the file that holds the guest agent's answer to GetQuote."


def _from_array(value: Json) -> bytes:
    if not isinstance(value, list) or not all(_is_byte(item) for item in value):
        raise EvidenceMalformed(f"{_WHAT} is JSON, but neither an object nor an array of bytes.")
    return bytes(item for item in value if isinstance(item, int))


def _is_byte(item: Json) -> bool:
    return isinstance(item, int) and not isinstance(item, bool) and item in _BYTE


def _sized(raw: bytes) -> bytes:
    if not raw:
        raise EvidenceMissing("The evidence has no quote.", advice=_AGAIN)
    if len(raw) > QUOTE_LIMIT:
        raise EvidenceTooLarge(f"{_WHAT} has more than {QUOTE_LIMIT} bytes.")
    return raw


def _event_log(value: Json) -> tuple[dict[str, Json], ...] | None:
    what = "The event log beside the quote"
    if value is None or value == "":
        return None
    events = read_json(value.encode(), what, limit=FILE_LIMIT) if isinstance(value, str) else value
    if not isinstance(events, list):
        raise EvidenceMalformed(f"{what} is no list.")
    log = tuple(event for event in events if isinstance(event, dict))
    if len(log) != len(events):
        raise EvidenceMalformed(f"{what} is no list of objects.")
    return log


def _vm_config(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise EvidenceMalformed("The vm_config beside the quote is no string.")
