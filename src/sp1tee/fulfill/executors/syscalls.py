"""SP1's system calls: what ``ecall`` does with the number in t0 and arguments in a0, a1, a2.

Sources: "SP1 v6 crates/core/executor/src/minimal/{ecall,hint,write}.rs", "SP1 v5.2
crates/core/executor/src/syscalls/". Where SP1 panics, the run ends with a `Trap`.

What a guest prints may quote private input, so it has no place in a log. What it prints to file
descriptor 1 is dropped; of descriptor 2, where panics go, the end is kept for the requester.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from sp1tee.fulfill.executors import MAX_PRINTED
from sp1tee.fulfill.executors.elf import SPACES
from sp1tee.fulfill.executors.memory import Memory
from sp1tee.fulfill.executors.outcome import MAX_PUBLIC_VALUES, Reason, Trap, trap
from sp1tee.fulfill.executors.precompiles import Precompiles
from sp1tee.fulfill.executors.syscall_numbers import PRECOMPILES
from sp1tee.wire.versions import Family

_MAX_TEXT: Final = 16 << 20

HALT, WRITE, ENTER_UNCONSTRAINED, EXIT_UNCONSTRAINED = 0x00, 0x02, 0x03, 0x04
COMMIT, COMMIT_DEFERRED, VERIFY_PROOF, HINT_LEN, HINT_READ = 0x10, 0x1A, 0x1B, 0xF0, 0xF1

_STDOUT, _STDERR, _LAST_RESERVED = 1, 2, 10
_PUBLIC_VALUES, _HINT, _FIRST_HOOK, _LAST_HOOK = 13, 14, 15, 21
_DIGEST_WORDS: Final = 8
_U32: Final = (1 << 32) - 1


class Hart(Protocol):
    """What system calls need of the machine besides memory."""

    unconstrained: bool

    def halt(self, exit_code: int) -> None:
        """End the run."""

    def enter_unconstrained(self) -> None:
        """Keep the state of registers, memory and cycles."""

    def exit_unconstrained(self) -> None:
        """Return to the kept state, behind the call that entered."""


class Syscalls:
    """The system calls of one run, and what they leave behind.

    Attributes:
        public_values: what the guest wrote to file descriptor 13.
        digest: the words committed with COMMIT, by index.
        deferred: the words committed with COMMIT_DEFERRED_PROOFS, by index.
        printed: the end of what the guest wrote to file descriptor 2.
    """

    def __init__(
        self, hart: Hart, memory: Memory, stdin: Sequence[bytes], *, family: Family, hint_cap: int
    ) -> None:
        self.public_values = bytearray()
        self.digest: dict[int, int] = {}
        self.deferred: dict[int, int] = {}
        self.printed = bytearray()
        self._hart = hart
        self._memory = memory
        self._hints = deque(stdin)
        self._family = family
        self._word = SPACES[family].word
        self._precompiles = Precompiles(memory, self._word)
        self._hint_cap = hint_cap
        self._pushed = 0
        self._table: dict[int, Callable[[int, int, int], int | None]] = {
            HALT: self._halt,
            WRITE: self._write,
            ENTER_UNCONSTRAINED: self._enter_unconstrained,
            EXIT_UNCONSTRAINED: self._exit_unconstrained,
            COMMIT: self._commit,
            COMMIT_DEFERRED: self._commit_deferred,
            VERIFY_PROOF: self._verify_proof,
            HINT_LEN: self._hint_len,
            HINT_READ: self._hint_read,
        }

    def call(self, number: int, a0: int, a1: int, a2: int) -> int | None:
        """Make one call; a result is for t0, None leaves t0 alone.

        Raises:
            Trap: the run ends here.
        """
        if self._hart.unconstrained and number not in (WRITE, EXIT_UNCONSTRAINED):
            reason = Reason.UNCONSTRAINED_SYSCALL
            trap(Reason.UNCONSTRAINED_TWICE if number == ENTER_UNCONSTRAINED else reason, number)
        handler = self._table.get(number)
        if handler is not None:
            return handler(a0, a1, a2)
        if not self._precompiles.has(number):
            known = number in PRECOMPILES
            trap(Reason.PRECOMPILE if known else Reason.UNKNOWN_SYSCALL, number)
        self._precompiles.call(number, a0, a1)
        return None

    def _halt(self, exit_code: int, _a1: int, _a2: int) -> None:
        self._hart.halt(exit_code & _U32)

    def _enter_unconstrained(self, _a0: int, _a1: int, _a2: int) -> int:
        self._hart.enter_unconstrained()
        return 1

    def _exit_unconstrained(self, _a0: int, _a1: int, _a2: int) -> int:
        if self._hart.unconstrained:
            self._hart.exit_unconstrained()
        elif self._family is Family.V6:
            trap(Reason.NOT_UNCONSTRAINED)
        return 0

    def _verify_proof(self, _a0: int, _a1: int, _a2: int) -> None:
        trap(Reason.RECURSION)

    # --- digests ---

    def _commit(self, index: int, word: int, _a2: int) -> None:
        if index >= _DIGEST_WORDS or word > _U32:
            trap(Reason.COMMIT_WORD, index)
        self.digest[index] = word

    def _commit_deferred(self, index: int, word: int, _a2: int) -> None:
        if index >= _DIGEST_WORDS or word > _U32:
            trap(Reason.COMMIT_WORD, index)
        self.deferred[index] = word

    # --- hints ---

    def _hint_len(self, _a0: int, _a1: int, _a2: int) -> int:
        none_left = (1 << 8 * self._word) - 1
        return len(self._hints[0]) if self._hints else none_left

    def _hint_read(self, address: int, size: int, _a2: int) -> None:
        if not self._hints:
            trap(Reason.HINT_EXHAUSTED)
        hint = self._hints.popleft()
        if len(hint) != size:
            trap(Reason.HINT_LENGTH, size)
        if address % self._word:
            trap(Reason.HINT_ALIGNMENT, address)
        padding = -size % self._word
        clears_behind = self._family is Family.V6 and not padding
        zeros_behind = self._word if clears_behind else 0
        self._memory.take_fresh(address, hint + bytes(padding), zeros_behind=zeros_behind)

    # --- output ---

    def _write(self, descriptor: int, address: int, size: int) -> None:
        if descriptor in (_STDOUT, _STDERR):
            self._print(descriptor, address, size)
            return
        if self._family is Family.V6:
            descriptor &= _U32
        elif descriptor <= _LAST_RESERVED:
            trap(Reason.RESERVED_DESCRIPTOR, descriptor)
        if _FIRST_HOOK <= descriptor <= _LAST_HOOK:
            trap(Reason.HOOK, descriptor)
        elif descriptor == _PUBLIC_VALUES:
            self._publish(address, size)
        elif descriptor == _HINT:
            self._push_hint(address, size)

    def _print(self, descriptor: int, address: int, size: int) -> None:
        if self._family is Family.V5:
            self._require_text(address, size)
        if descriptor == _STDERR:
            kept = min(size, MAX_PRINTED)
            with suppress(Trap):  # SP1 v6 does not look where the text is
                self.printed += self._memory.read(address + size - kept, kept)
            del self.printed[:-MAX_PRINTED]

    def _require_text(self, address: int, size: int) -> None:
        if size > _MAX_TEXT:
            trap(Reason.TEXT_OUTPUT)
        try:
            self._memory.read(address, size).decode()
        except UnicodeDecodeError:
            trap(Reason.TEXT_OUTPUT)

    def _publish(self, address: int, size: int) -> None:
        if len(self.public_values) + size > MAX_PUBLIC_VALUES:
            trap(Reason.PUBLIC_VALUES, MAX_PUBLIC_VALUES)
        self.public_values += self._memory.read(address, size)

    def _push_hint(self, address: int, size: int) -> None:
        self._pushed += size
        if self._pushed > self._hint_cap:
            trap(Reason.MEMORY, self._hint_cap)
        self._hints.appendleft(self._memory.read(address, size))
