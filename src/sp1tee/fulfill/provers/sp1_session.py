"""One connection to a prover, and the programs that are set up on it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import JobFailed, NativeGarbled, NativeTimeout
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.native.client import Client
from sp1tee.wire.keys import vk_hash_v6
from sp1tee.wire.pb import types_pb2

KEYS: Final = 8
"""How many programs stay set up; each holds memory of the device."""


class Deadline:
    """When nobody wants the proof any more: at a time, or from the moment it is given up."""

    def __init__(self, at: float, clock: Callable[[], float] = time.time) -> None:
        """Take Unix seconds, and the clock that tells them."""
        self._at = at
        self._clock = clock
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Want it no longer; from any thread."""
        self._given_up.set()

    def left(self) -> float:
        """Return the seconds left; raises `NativeTimeout` if none are."""
        seconds = self._at - self._clock()
        if seconds <= 0 or self._given_up.is_set():
            raise NativeTimeout("The deadline passed.")
        return seconds


@dataclass(frozen=True, slots=True)
class _Key:
    """A program's verifying key, and its hash: that takes longer than anything else here."""

    vk: bytes
    vk_hash: bytes


class Session:
    """A connection that lasts: the prover behind it, and all keys, go when it does.

    Attributes:
        client: the connection.
        ready: hashes of the verifying keys of programs that are set up.
    """

    def __init__(self, client: Client, keys: int = KEYS) -> None:
        """Take over a connection; `keys` programs stay set up."""
        self.client = client
        self.ready: frozenset[bytes] = frozenset()
        self._keys = keys
        self._known: OrderedDict[bytes, _Key] = OrderedDict()

    def prove(self, task: ProveTask, deadline: Deadline) -> Made:
        """Set up the program unless it is, compare its key, and prove.

        Raises:
            JobFailed: the program's key is not the one that the request names.
            VerifyingKeyError: the server's key is none.
            NativeError: the server did not do it.
        """
        key = self._set_up(task, deadline)
        if key.vk_hash != task.vk_hash:
            raise JobFailed(
                "SP1's setup of this program gives another verifying key than the one that it was "
                "registered under. Nothing was proved. Register it again with the SDK that the "
                "prover uses: SP1 6.10 reads some programs differently than its predecessors.",
                error=types_pb2.VERIFICATION_KEY_MISMATCH,
            )
        proof = self.client.prove(task.mode, task.elf_sha256, task.stdin, deadline.left())
        return Made(proof, key.vk)

    def _set_up(self, task: ProveTask, deadline: Deadline) -> _Key:
        if known := self._known.get(task.elf_sha256):
            self._known.move_to_end(task.elf_sha256)
            return known
        while len(self._known) >= self._keys:
            oldest = next(iter(self._known))
            self.client.destroy(oldest, deadline.left())
            del self._known[oldest]
            self._tell()
        made = self.client.setup(task.elf, deadline.left())
        if made.key != task.elf_sha256:
            raise NativeGarbled("The native server set up another program than it was given.")
        key = self._known[task.elf_sha256] = _Key(made.vk, vk_hash_v6(made.vk))
        self._tell()
        return key

    def _tell(self) -> None:
        """Put what other threads read in place, whole."""
        self.ready = frozenset(key.vk_hash for key in self._known.values())
