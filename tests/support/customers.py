"""Customers who ask again as soon as they have their proof, and say what went wrong meanwhile."""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sp1tee import guests
from sp1tee.client import Order, Patience, Program, Requester
from sp1tee.client.inputs import MemorySource
from sp1tee.client.progress import Silent
from sp1tee.errors import Unreachable
from sp1tee.wire.modes import Mode
from sp1tee.wire.signing import KEY_SIZE, Signer
from support.people import PATIENCE_S

_QUICK = Patience(first_wait_s=0.05, longest_wait_s=0.5, jitter_s=0.05)


class Troubles(Silent):
    """Keeps what a customer was told to try again."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def trouble(self, error: Unreachable) -> None:
        self.all.append(f"{error.code}: {error.message}")


@dataclass
class Customers:
    """Several at once, each with a key of their own.

    Attributes:
        program: what they have proved.
        accepted: requests that a server has said it took.
        proved: those of them whose proof came, and was of the customer's own input.
        troubles: errors that were to be tried again, of each customer.
        failed: errors that ended a customer's asking; none may.
    """

    program: Program
    accepted: list[bytes] = field(default_factory=list)
    proved: list[bytes] = field(default_factory=list)
    troubles: list[list[str]] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _enough: threading.Event = field(default_factory=threading.Event)
    _amounts: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def wait(self, more: int) -> None:
        """Wait until so many more proofs are there."""
        with self._changed:
            wanted = len(self.proved) + more
            self._wait(lambda: len(self.proved) >= wanted, f"{more} more proofs")

    def wait_accepted(self) -> None:
        """Wait until one more request is accepted: then it is on its way."""
        with self._changed:
            wanted = len(self.accepted) + 1
            self._wait(lambda: len(self.accepted) >= wanted, "an accepted request")

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        assert self._changed.wait_for(lambda: self.failed or true(), PATIENCE_S), what
        assert not self.failed

    def stop(self) -> None:
        self._enough.set()

    def work(self, url: str) -> None:
        """Be one of them, until there is enough."""
        troubles = Troubles()
        self.troubles.append(troubles.all)
        signer = Signer.from_bytes(os.urandom(KEY_SIZE))
        try:
            with Requester.at(url, signer, patience=_QUICK, progress=troubles) as requester:
                while not self._enough.is_set():
                    self._one(requester, next(self._amounts))
        except BaseException as error:
            self._note(self.failed, error)
            raise

    def _one(self, requester: Requester, amount: int) -> None:
        balances = [int.from_bytes(os.urandom(7), "little") + amount for _ in range(4)]
        stdin = MemorySource(guests.solvency_input(amount, balances).encode())
        order = Order(mode=Mode.GROTH16, timeout_s=PATIENCE_S)
        ticket = requester.request(self.program, stdin, order)
        self._note(self.accepted, ticket.request_id)
        received = requester.wait(ticket)
        assert received.proof.public_values == amount.to_bytes(8, "little") + b"\x01"
        self._note(self.proved, ticket.request_id)

    def _note(self, where: list[Any], what: object) -> None:
        with self._changed:
            where.append(what)
            self._changed.notify_all()


@contextmanager
def asking(url: str, program: Program, number: int) -> Iterator[Customers]:
    """Have customers ask at `url` while the block runs, and have all their proofs after it."""
    customers = Customers(program)
    threads = [threading.Thread(target=customers.work, args=(url,)) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield customers
    finally:
        customers.stop()
        for thread in threads:
            thread.join()
    assert not customers.failed
