"""What happened, in order: the simulator's own books, kept apart from its state.

A test that kills and restarts processes compares these entries with what the processes believe:
how often a request was made, who settled it, with which nonce. They live in memory and end with
the simulator, which is right for a stand-in and would be wrong for a server.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

from sp1tee.wire.signing import Address


class Kind(StrEnum):
    """What an entry is about."""

    REGISTERED = "registered"
    REQUESTED = "requested"
    ASSIGNED = "assigned"
    FULFILLED = "fulfilled"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DISCLOSED = "disclosed"
    NONCE_BURNT = "nonce_burnt"


@dataclass(frozen=True, slots=True)
class Call:
    """The signed call behind a change.

    Attributes:
        signer: who signed it.
        nonce: the nonce it used up.
        body_sha256: digest of the body as it was signed.
    """

    signer: Address
    nonce: int
    body_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One accepted change. None where a fact does not apply to its kind.

    Attributes:
        at: when, Unix seconds.
        kind: what changed.
        call: what caused it; None where the network acted by itself.
        request_id: the request concerned, 32 bytes.
        vk_hash: the program concerned, 32 bytes.
        account: who was assigned, who fulfilled or failed the request, whose nonce was burnt.
        proof_sha256: digest of the proof as it was accepted.
        error: the `ProofRequestError` given with a failure.
    """

    at: float
    kind: Kind
    call: Call | None = None
    request_id: bytes | None = None
    vk_hash: bytes | None = None
    account: Address | None = None
    proof_sha256: bytes | None = None
    error: int | None = None


class Ledger:
    """Entries in the order in which they were accepted; nothing is ever taken back."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._waiting: dict[asyncio.Event, Callable[[Ledger], bool]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def of(self, kind: Kind, request_id: bytes | None = None) -> tuple[Entry, ...]:
        """Return the entries of a kind, of one request if it is given."""
        wanted = (entry for entry in self._entries if entry.kind is kind)
        return tuple(e for e in wanted if request_id in (None, e.request_id))

    def about(self, request_id: bytes) -> tuple[Entry, ...]:
        """Return the entries of a request."""
        return tuple(entry for entry in self._entries if entry.request_id == request_id)

    def to_json(self) -> bytes:
        """Return the entries as a JSON list, bytes as hex digits."""
        return json.dumps([asdict(entry) for entry in self._entries], default=bytes.hex).encode()

    def append(self, entry: Entry) -> None:
        """Write the next entry and wake whoever waited for it."""
        self._entries.append(entry)
        for event, predicate in self._waiting.items():
            if predicate(self):
                event.set()

    async def wait_for(self, predicate: Callable[["Ledger"], bool]) -> None:
        """Wait until `predicate` holds; it is asked now and after every entry."""
        if predicate(self):
            return
        event = asyncio.Event()
        self._waiting[event] = predicate
        try:
            await event.wait()
        finally:
            del self._waiting[event]
