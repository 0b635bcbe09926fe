"""Requesters that never rest: each asks, waits for the end, checks what it got, and asks again."""

import hashlib
import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from chaos.ledger import Ledger, Told
from chaos.proofs import MODE, Marker, public_values, why_not
from sp1tee.client import (
    Endpoint,
    Fulfillment,
    Order,
    Patience,
    Program,
    Requester,
    Session,
    Status,
)
from sp1tee.client.inputs import MemorySource
from sp1tee.errors import RequestFailed, ServerRefusal, Sp1teeError, UnknownRequest, Unreachable
from sp1tee.wire.signing import Signer

LONG_S: Final = (10, 15)
"""Deadlines of most requests, in seconds from when they are asked for."""
SHORT_S: Final = (3, 5)
SHORT_SHARE: Final = 0.15
OVERDUE_S: Final = 25.0
"""How long after its deadline a request must have been told to have ended."""

_POLL_S: Final = 0.15
_PAUSE_S: Final = (0.05, 0.3)
_PATIENCE: Final = Patience(give_up_s=20.0, first_wait_s=0.1, longest_wait_s=0.25, jitter_s=0.05)


@dataclass(slots=True)
class Tally:
    """What has come of the requests so far; whoever waits for something is woken by each change."""

    counts: dict[Told, int] = field(default_factory=dict)
    proved: set[int] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self, number: int, told: Told) -> None:
        """Count an end."""
        with self.changed:
            self.counts[told] = self.counts.get(told, 0) + 1
            if told is Told.PROVED:
                self.proved.add(number)
            self.changed.notify_all()

    def proved_since(self, number: int, seconds: float) -> bool:
        """Wait for the proof of a request that is not older than `number`."""
        with self.changed:
            return self.changed.wait_for(
                lambda: any(done >= number for done in self.proved), seconds
            )


class Load:
    """Several accounts that ask one server."""

    def __init__(
        self,
        server: str,
        program: Program,
        marker: Marker,
        ledger: Ledger,
        *,
        accounts: int,
        seed: str,
    ) -> None:
        self.tally = Tally()
        self.short = threading.Event()
        """While set, every deadline is a short one."""
        self._program = program
        self._ledger = ledger
        self._marker = marker
        self._numbers = itertools.count(1)
        self._last = 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._work, args=(server, random.Random(f"{seed}:{n}")), name=f"account {n}"
            )
            for n in range(accounts)
        ]

    @property
    def next(self) -> int:
        """The number that the next request will have, or a smaller one."""
        return self._last + 1

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more, and wait until every request has ended."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, server: str, rng: random.Random) -> None:
        signer = Signer.from_bytes(rng.randbytes(32))
        with Requester.at(Endpoint.parse(server), signer, patience=_PATIENCE) as requester:
            while not self._stopping.is_set():
                self._last = number = next(self._numbers)
                told = self._ask(requester, number, self._deadline(rng))
                self.tally.note(number, told)
                self._stopping.wait(rng.uniform(*_PAUSE_S))

    def _deadline(self, rng: random.Random) -> int:
        short = self.short.is_set() or rng.random() < SHORT_SHARE
        return rng.randint(*(SHORT_S if short else LONG_S))

    def _ask(self, requester: Requester, number: int, seconds: int) -> Told:
        amount = 1_000_000 + number
        self._ledger.write(number, amount=amount, at=time.time())
        source = MemorySource(self._marker.input(amount).encode())
        try:
            ticket = requester.request(self._program, source, Order(mode=MODE, timeout_s=seconds))
        except ServerRefusal as refusal:
            return self._end(number, Told.REFUSED, reason=f"{refusal.status}: {refusal.message}")
        except Sp1teeError as error:
            return self._end(number, Told.UNCLEAR, reason=f"{error.code}: {error.message}")
        self._ledger.write(number, request_id=ticket.request_id.hex(), deadline=ticket.deadline)
        waiting = _Waiting(requester.session, ticket.request_id, ticket.deadline)
        told, facts = waiting.end(public_values(amount))
        return self._end(number, told, **facts)

    def _end(self, number: int, told: Told, **facts: str) -> Told:
        self._ledger.write(number, told=told, ended=time.time(), **facts)
        return told


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An accepted request whose end is waited for."""

    session: Session
    request_id: bytes
    deadline: int

    def end(self, values: bytes) -> tuple[Told, dict[str, str]]:
        """Return how it ended, and what is to be noted of that."""
        while time.time() < self.deadline + OVERDUE_S:
            try:
                status = self.session.calls.status(self.request_id)
                if status.fulfillment is Fulfillment.FULFILLED:
                    return Told.PROVED, self._proof(status, values)
                if status.ended:
                    return Told.FAILED, {"reason": status.reason}
            except UnknownRequest:
                return Told.UNKNOWN, {}
            except RequestFailed as failed:
                return Told.FAILED, {"reason": failed.message}
            except Unreachable:
                pass
            except Sp1teeError as error:
                return Told.OVERDUE, {"reason": f"{error.code}: {error.message}"}
            time.sleep(_POLL_S)
        return Told.OVERDUE, {}

    def _proof(self, status: Status, values: bytes) -> dict[str, str]:
        data = self.session.transfers.get(status.proof_url or "", "the proof").data
        return {"proof": hashlib.sha256(data).hexdigest(), "wrong": why_not(data, values)}
