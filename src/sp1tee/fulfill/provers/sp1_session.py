"""One connection to a prover, and the programs that are set up on it."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sp1tee.errors import JobFailed, NativeGarbled, NativeTimeout
from sp1tee.fulfill.native.client import Client
from sp1tee.fulfill.provers import ProveTask
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


class Session:
    """A connection that lasts: the prover behind it, and all keys, go when it does."""

    def __init__(self, client: Client, keys: int = KEYS) -> None:
        """Take over a connection; `keys` programs stay set up."""
        self.client = client
        self._keys = keys
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    def prove(self, task: ProveTask, deadline: Deadline) -> tuple[bytes, bytes]:
        """Set up the program unless it is, compare its key, and prove.

        Returns:
            The proof and the verifying key.

        Raises:
            JobFailed: the program's key is not the one that the request names.
            VerifyingKeyError: the server's key is none.
            NativeError: the server did not do it.
        """
        key, vk = self._set_up(task.elf, deadline)
        if vk_hash_v6(vk) != task.vk_hash:
            raise JobFailed(
                "SP1's setup of this program gives another verifying key than the one that it was "
                "registered under. Nothing was proved. Register it again with the SDK that the "
                "prover uses: SP1 6.10 reads some programs differently than its predecessors.",
                error=types_pb2.VERIFICATION_KEY_MISMATCH,
            )
        return self.client.prove(task.mode, key, task.stdin.encode(), deadline.left()), vk

    def _set_up(self, elf: bytes, deadline: Deadline) -> tuple[bytes, bytes]:
        digest = hashlib.sha256(elf).digest()
        if digest in self._known:
            self._known.move_to_end(digest)
            return digest, self._known[digest]
        while len(self._known) >= self._keys:
            oldest = next(iter(self._known))
            self.client.destroy(oldest, deadline.left())
            del self._known[oldest]
        made = self.client.setup(elf, deadline.left())
        if made.key != digest:
            raise NativeGarbled("The native server set up another program than it was given.")
        self._known[digest] = made.vk
        return digest, made.vk
