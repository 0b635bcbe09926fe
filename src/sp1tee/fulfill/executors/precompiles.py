"""The precompiles that this executor has: SHA-256, Keccak and 256-bit multiplication.

Each reads and writes guest memory at addresses in a0 and a1, which must be multiples of SP1's word:
4 bytes in v5, 8 in v6. SHA-256's u32 words have one such word each.

Sources: "SP1 v6 crates/core/executor/src/minimal/precompiles/{sha256,keccak,uint256}.rs", "SP1 v5.2
crates/core/executor/src/syscalls/precompiles/".
"""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from sp1tee.fulfill.executors import keccak, sha256
from sp1tee.fulfill.executors.memory import Memory
from sp1tee.fulfill.executors.outcome import Reason, trap
from sp1tee.fulfill.executors.syscall_numbers import (
    KECCAK_PERMUTE,
    SHA_COMPRESS,
    SHA_EXTEND,
    UINT256_MUL,
)

_U32: Final = (1 << 32) - 1
_LANES: Final = Struct("<25Q")
_U256_BYTES: Final = 32


class Precompiles:
    """The precompiles of one run."""

    def __init__(self, memory: Memory, word: int) -> None:
        self._memory = memory
        self._word = word
        self._table: dict[int, Callable[[int, int], None]] = {
            SHA_EXTEND: self._sha_extend,
            SHA_COMPRESS: self._sha_compress,
            KECCAK_PERMUTE: self._keccak_permute,
            UINT256_MUL: self._uint256_mul,
        }

    def has(self, number: int) -> bool:
        """Tell whether there is such a precompile here."""
        return number in self._table

    def call(self, number: int, a0: int, a1: int) -> None:
        """Run a precompile.

        Raises:
            Trap: an argument is not what it takes.
        """
        if a0 % self._word or a1 % self._word or (a1 and number in (SHA_EXTEND, KECCAK_PERMUTE)):
            trap(Reason.PRECOMPILE_ARGUMENT, number)
        self._table[number](a0, a1)

    def _sha_extend(self, schedule: int, _zero: int) -> None:
        words = sha256.extend(self._read_words(schedule, 16))
        self._write_words(schedule + 16 * self._word, words[16:])

    def _sha_compress(self, schedule: int, state: int) -> None:
        if schedule == state:
            trap(Reason.PRECOMPILE_ARGUMENT, SHA_COMPRESS)
        words = self._read_words(schedule, 64)
        self._write_words(state, sha256.compress(self._read_words(state, 8), words))

    def _keccak_permute(self, state: int, _zero: int) -> None:
        lanes = _LANES.unpack(self._memory.read(state, _LANES.size))
        self._memory.write(state, _LANES.pack(*keccak.permute(lanes)))

    def _uint256_mul(self, factor: int, other_and_modulus: int) -> None:
        x = self._read_u256(factor)
        y = self._read_u256(other_and_modulus)
        modulus = self._read_u256(other_and_modulus + _U256_BYTES) or 1 << 8 * _U256_BYTES
        self._memory.write(factor, (x * y % modulus).to_bytes(_U256_BYTES, "little"))

    def _read_u256(self, address: int) -> int:
        return int.from_bytes(self._memory.read(address, _U256_BYTES), "little")

    def _read_words(self, address: int, count: int) -> tuple[int, ...]:
        slots = self._slots(count).unpack(self._memory.read(address, count * self._word))
        return tuple(slot & _U32 for slot in slots)

    def _write_words(self, address: int, words: Sequence[int]) -> None:
        self._memory.write(address, self._slots(len(words)).pack(*words))

    def _slots(self, count: int) -> Struct:
        return Struct(f"<{count}{'I' if self._word == 4 else 'Q'}")  # noqa: PLR2004 - bytes of a u32
