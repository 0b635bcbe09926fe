"""What RTMR3 is extended with, and what that makes of it.

Version 1 (every dstack so far): SHA-384 of the type as four little-endian bytes, a colon, the name,
a colon, the payload; the second colon is there for an empty payload too. Version 2 (dstack 0.6,
`event_log_version: 2`): SHA-384 of ``{"name":…,"payload":"<hex>","type":134217729}`` in canonical
JSON (RFC 8785). A register is extended as Intel TDX does it: SHA-384 of its value and the digest.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import rfc8785

from sp1tee.verify.rtmr3.events import REGISTER_SIZE, RTMR3, RUNTIME, Event

START: Final = bytes(REGISTER_SIZE)
"""What every RTMR holds at boot."""
VERSION_2: Final = 2


def preimage(event: Event) -> bytes:
    """Return what a runtime event's digest is the hash of."""
    if event.version == VERSION_2:
        return rfc8785.dumps(
            {"name": event.name, "payload": event.payload.hex(), "type": event.event_type}
        )
    kind = event.event_type.to_bytes(4, "little")
    return b":".join((kind, event.name.encode("utf-8"), event.payload))


def digest_of(event: Event) -> bytes:
    """Compute a runtime event's digest from what it says was measured."""
    return hashlib.sha384(preimage(event)).digest()


def runtime_event(name: str, payload: bytes, version: int = 1) -> Event:
    """Make an event as dstack extends RTMR3 with."""
    return Event(RTMR3, RUNTIME, name, payload, None, version)


def extend(register: bytes, digest: bytes) -> bytes:
    """Extend a register by one digest."""
    return hashlib.sha384(register + digest).digest()


def replay(digests: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the values that a register takes: at boot, then after each digest."""
    values = [START]
    for digest in digests:
        values.append(extend(values[-1], digest))
    return tuple(values)
