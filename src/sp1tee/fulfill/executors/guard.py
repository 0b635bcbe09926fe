"""Counting a guest's instructions and watching what it touches, at every step.

unicorn knows neither of SP1's rules: it runs past any cycle limit, follows jumps to half an
instruction, and lets RISC-V loads and stores be unaligned. It calls back at every basic block and
every access, but a callback into Python takes a microsecond, where a guest instruction takes one
or two nanoseconds.

On x86-64, the two callbacks are therefore machine code, 184 bytes in all (`guard_x86`), which does
a few comparisons in the ordinary case: a counted and watched guest runs at 100 million instructions
a second and more. Elsewhere the same rules run as Python callbacks, and a guest at one to four
million. Both see every block and every access; nothing is sampled.

The rules: the instructions of a run, counted by whole basic blocks before they run, stay within
the limit; a block lies within the code and begins at a multiple of 4; an access is naturally
aligned, lies in the guest's space and does not write to the code.
"""

import ctypes
from dataclasses import dataclass
from typing import Final

from unicorn.unicorn_const import (
    UC_HOOK_BLOCK,
    UC_HOOK_MEM_READ,
    UC_HOOK_MEM_WRITE,
    UC_MEM_WRITE,
)

from sp1tee.fulfill.executors import guard_x86
from sp1tee.fulfill.executors.engine import Uc
from sp1tee.fulfill.executors.outcome import Reason, Trap

BYTES_PER_INSTRUCTION: Final = 4
UNLIMITED: Final = (1 << 64) - 1

_BLOCK: Final = 1  # what failed: otherwise UC_MEM_READ or UC_MEM_WRITE


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a guest's code lies, and what it may access.

    Attributes:
        code_address: where code begins.
        code_size: how long it is, in bytes.
        low: the lowest address it may access.
        high: the first one that is too high.
    """

    code_address: int
    code_size: int
    low: int
    high: int


class State(ctypes.Structure):
    """What the callbacks keep, in 8-byte fields that the machine code knows by their place."""

    _fields_ = (
        ("run", ctypes.c_uint64),  # bytes of instructions in the blocks begun so far
        ("block", ctypes.c_uint64),  # the same of the newest block alone
        ("limit", ctypes.c_uint64),
        ("code_address", ctypes.c_uint64),
        ("code_size", ctypes.c_uint64),
        ("low", ctypes.c_uint64),
        ("high", ctypes.c_uint64),
        ("stop", ctypes.c_uint64),  # the address of uc_emu_stop
        ("failed", ctypes.c_uint64),  # 0, or what failed first, with the three fields below
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("run_before", ctypes.c_uint64),
    )


class Guard:
    """The rules for one run on one engine."""

    def __init__(self, bounds: Bounds) -> None:
        self._state = State(
            limit=UNLIMITED,
            code_address=bounds.code_address,
            code_size=bounds.code_size,
            low=bounds.low,
            high=bounds.high,
        )

    def attach(self, uc: Uc, *, native: bool | None = None) -> None:
        """Watch an engine; `native` chooses between machine code and Python, for tests."""
        native = guard_x86.AVAILABLE if native is None else native
        attach = guard_x86.attach if native else _attach_python
        attach(uc, self._state)

    def limit(self, instructions: int | None) -> None:
        """Allow so many instructions, counted from the start; None for any number."""
        wanted = UNLIMITED if instructions is None else instructions * BYTES_PER_INSTRUCTION
        self._state.limit = min(wanted, UNLIMITED)

    @property
    def instructions(self) -> int:
        """Instructions of all blocks begun so far: exact whenever a block has ended."""
        return int(self._state.run) // BYTES_PER_INSTRUCTION

    @instructions.setter
    def instructions(self, count: int) -> None:
        self._state.run = count * BYTES_PER_INSTRUCTION

    @property
    def instructions_before(self) -> int:
        """Instructions up to the start of the block that failed, or of the newest one."""
        state = self._state
        run = state.run_before if state.failed else state.run - state.block
        return int(run) // BYTES_PER_INSTRUCTION

    @property
    def failed(self) -> bool:
        """Whether a rule has been broken; the engine stops soon after, not at once."""
        return bool(self._state.failed)

    def explain(self) -> Trap:
        """Name the rule that was broken first."""
        state = self._state
        if state.failed != _BLOCK:
            return self._explain_access()
        if state.run_before + state.size > state.limit:
            return Trap(Reason.CYCLES, state.limit // BYTES_PER_INSTRUCTION)
        return Trap(Reason.LEFT_CODE, state.address)

    def _explain_access(self) -> Trap:
        state = self._state
        if state.address % state.size:
            return Trap(Reason.UNALIGNED, state.size)
        if state.low <= state.address < state.high:
            return Trap(Reason.CODE_WRITTEN, state.address)
        return Trap(Reason.FORBIDDEN_ADDRESS, state.address)


def _attach_python(uc: Uc, state: State) -> None:
    def on_block(uc: Uc, address: int, size: int, _: object) -> None:
        if not _admit_block(state, address, size):
            _fail(uc, state, _BLOCK, address, size)

    def on_access(uc: Uc, access: int, address: int, size: int, _v: int, _: object) -> bool:
        if not _admit_access(state, access, address, size):
            _fail(uc, state, access, address, size)
        return True

    uc.hook_add(UC_HOOK_BLOCK, on_block)
    uc.hook_add(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access)


def _admit_block(state: State, address: int, size: int) -> bool:
    state.block = size
    state.run += size
    offset = address - state.code_address
    inside = offset >= 0 and offset + size <= state.code_size
    return bool(state.run <= state.limit and inside and offset % BYTES_PER_INSTRUCTION == 0)


def _admit_access(state: State, access: int, address: int, size: int) -> bool:
    if address % size or not state.low <= address < state.high:
        return False
    end = state.code_address + state.code_size
    return not (access == UC_MEM_WRITE and state.code_address < address + size and address < end)


def _fail(uc: Uc, state: State, what: int, address: int, size: int) -> None:
    if not state.failed:
        state.failed, state.address, state.size = what, address, size
        state.run_before = state.run - state.block
    uc.emu_stop()
