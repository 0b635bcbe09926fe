"""One guest, run to its end on unicorn, a fast emulator made of QEMU's translator.

What is SP1's and not RISC-V's is added around it: the memory map (`memory`), the rules for code and
accesses and the count of cycles (`guard`), system calls (`syscalls`). The words that the loader let
pass and SP1 does not implement (fences, CSR accesses, ``wfi``, ``mret``) end the run when reached,
whatever the emulator makes of them.

Stricter than SP1: writing to code, for which SP1 would go on executing the old instructions.
More lenient: reading input into memory that was used before but holds zeros.
"""

import gc
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from unicorn.riscv_const import (
    UC_RISCV_REG_PC,
    UC_RISCV_REG_X0,
    UC_RISCV_REG_X5,
    UC_RISCV_REG_X10,
    UC_RISCV_REG_X11,
    UC_RISCV_REG_X12,
)
from unicorn.unicorn_const import (
    UC_ERR_FETCH_PROT,
    UC_ERR_FETCH_UNMAPPED,
    UC_ERR_INSN_INVALID,
    UC_HOOK_CODE,
    UC_HOOK_INTR,
)

from sp1tee.fulfill.executors import isa
from sp1tee.fulfill.executors.elf import Image, Segment
from sp1tee.fulfill.executors.engine import Uc, UcError, new_engine
from sp1tee.fulfill.executors.guard import Bounds, Guard
from sp1tee.fulfill.executors.memory import Memory
from sp1tee.fulfill.executors.outcome import Outcome, Reason, Trap, trap
from sp1tee.fulfill.executors.syscalls import Syscalls
from sp1tee.wire.versions import Family

_NEVER: Final = 1  # an address that no instruction has
_INSTRUCTION: Final = 4
_SOMEWHERE: Final = 0x0100_0000
_HALT: Final = b"\x73\x00\x00\x00"  # ecall, with t0 = 0
_BREAKPOINT, _ECALL = 3, 8  # RISC-V exception codes, the second from user mode
_UNIMP: Final = 0xC000_1073  # the common trap of compilers: illegal to the emulator as well
_FEW: Final = 64
_WORDS: Final = Struct("<8I")
_ALL_WORDS: Final = frozenset(range(8))
_REGISTERS: Final = range(UC_RISCV_REG_X0 + 1, UC_RISCV_REG_X0 + 32)
_ARGUMENTS: Final = (UC_RISCV_REG_X5, UC_RISCV_REG_X10, UC_RISCV_REG_X11, UC_RISCV_REG_X12)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may use.

    Attributes:
        cycles: instructions; None for any number.
        memory_bytes: guest memory, and as much again for hints the guest makes itself.
    """

    cycles: int | None
    memory_bytes: int


class _Halted(Exception):  # noqa: N818 - an end, not an error
    """The guest called HALT."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class _Saved:
    """What an unconstrained block returns to."""

    registers: tuple[int, ...]
    pc: int
    cycles: int


def run(
    image: Image, stdin: Sequence[bytes], budget: Budget, *, native_guard: bool | None = None
) -> Outcome:
    """Run a program on its input; `native_guard` chooses the kind of guard, for tests."""
    try:
        machine = Machine(image, stdin, budget, native_guard=native_guard)
    except Trap as error:  # the program alone does not fit into its memory
        return Outcome(error.reason, error.detail, None, 0, b"")
    return machine.run()


class Machine:
    """An engine with one program in it, for one run."""

    def __init__(
        self,
        image: Image,
        stdin: Sequence[bytes],
        budget: Budget,
        *,
        native_guard: bool | None,
    ) -> None:
        self.unconstrained = False
        self._image = image
        self._limit = budget.cycles
        self._end: Trap | _Halted | None = None
        self._resume: int | None = None
        self._saved = _Saved((), 0, 0)
        self._uc = new_engine(image.space.xlen)
        self._memory = Memory(self._uc, image, budget.memory_bytes)
        self._syscalls = Syscalls(
            self, self._memory, stdin, family=image.family, hint_cap=budget.memory_bytes
        )
        self._guard = Guard(
            Bounds(image.code_address, len(image.code), image.space.low, image.space.high)
        )
        self._guard.limit(budget.cycles)
        self._guard.attach(self._uc, native=native_guard)
        self._uc.hook_add(UC_HOOK_INTR, self._on_exception)
        self._watch_unimplemented()

    def run(self) -> Outcome:
        """Run the program to its end."""
        pc: int | None = self._image.entry
        while pc is not None:
            error = self._emulate(pc)
            pc, self._resume = self._resume, None
        end = self._first_failure() or self._end or self._explain(error)
        if isinstance(end, _Halted):
            return self._judge(end.exit_code)
        return self._outcome(end, None)

    # --- what system calls do to the machine ---

    def halt(self, exit_code: int) -> None:
        """End the run.

        Raises:
            _Halted: always.
        """
        raise _Halted(exit_code)

    def enter_unconstrained(self) -> None:
        """Keep registers, memory and cycles; until the block is left, no cycle counts."""
        registers = tuple(self._uc.reg_read(register) for register in _REGISTERS)
        pc = self._uc.reg_read(UC_RISCV_REG_PC)
        self._saved = _Saved(registers, pc, self._guard.instructions)
        self._guard.limit(None)
        self._memory.begin_undo()
        self.unconstrained = True

    def exit_unconstrained(self) -> None:
        """Return to what was kept. Of the two calls, SP1 counts one."""
        for register, value in zip(_REGISTERS, self._saved.registers, strict=True):
            self._uc.reg_write(register, value)
        self._memory.roll_back()
        self._guard.instructions = self._saved.cycles
        self._guard.limit(self._limit)
        self.unconstrained = False
        self._resume = self._saved.pc
        self._uc.emu_stop()

    # --- what the engine calls ---

    def _on_exception(self, uc: Uc, number: int, _: object) -> None:
        if self._guard.failed or self._end is not None:
            uc.emu_stop()  # asked before; the block was still running
            return
        try:
            self._handle(uc, number)
        except (Trap, _Halted) as end:
            self._end = end
            uc.emu_stop()

    def _handle(self, uc: Uc, number: int) -> None:
        if number != _ECALL:
            reason = Reason.BREAKPOINT if number == _BREAKPOINT else Reason.UNIMPLEMENTED
            trap(reason, uc.reg_read(UC_RISCV_REG_PC) - _INSTRUCTION)
        result = self._syscalls.call(*(uc.reg_read(register) for register in _ARGUMENTS))
        if result is not None:
            uc.reg_write(UC_RISCV_REG_X5, result)

    def _on_unimplemented(self, uc: Uc, address: int, _size: int, wanted: frozenset[int]) -> None:
        if address in wanted:
            self._end = self._end or Trap(Reason.UNIMPLEMENTED, address)
            uc.emu_stop()

    def _watch_unimplemented(self) -> None:
        words = memoryview(self._image.code).cast("I")
        found = isa.positions(words, self._image.unimplemented - {_UNIMP})
        addresses = [self._image.code_address + _INSTRUCTION * index for index in found]
        wanted = frozenset(addresses)
        if len(addresses) > _FEW:  # each hook makes translating slower, one over all makes running
            addresses, end = addresses[:1], addresses[-1]
            self._uc.hook_add(UC_HOOK_CODE, self._on_unimplemented, wanted, addresses[0], end)
            return
        for address in addresses:
            self._uc.hook_add(UC_HOOK_CODE, self._on_unimplemented, wanted, address, address)

    # --- the end ---

    def _emulate(self, pc: int) -> UcError | None:
        try:
            self._uc.emu_start(pc, _NEVER)
        except UcError as error:
            return error
        return None

    def _first_failure(self) -> Trap | None:
        """Name what the guard or the memory refused; it came before anything else."""
        if not self._guard.failed:
            return self._memory.failure
        failure = self._guard.explain()
        return self._left_code(failure.detail) if failure.reason is Reason.LEFT_CODE else failure

    def _left_code(self, pc: int) -> Trap:
        unconstrained = Reason.LEFT_CODE_UNCONSTRAINED
        return Trap(unconstrained if self.unconstrained else Reason.LEFT_CODE, pc)

    def _explain(self, error: UcError | None) -> Trap:
        """Name why the engine stopped by itself."""
        pc = self._uc.reg_read(UC_RISCV_REG_PC)
        if error is None:  # wfi
            return Trap(Reason.UNIMPLEMENTED, pc)
        if error.errno in (UC_ERR_FETCH_UNMAPPED, UC_ERR_FETCH_PROT):
            return self._left_code(pc)
        if error.errno != UC_ERR_INSN_INVALID:
            raise error
        word = int.from_bytes(self._uc.mem_read(pc, _INSTRUCTION), "little")
        return Trap(Reason.BREAKPOINT if word == isa.EBREAK else Reason.UNIMPLEMENTED, pc)

    def _judge(self, exit_code: int) -> Outcome:
        """Check a run that halted as SP1's verifier would check its proof."""
        syscalls = self._syscalls
        if exit_code:
            return self._outcome(Trap(Reason.EXIT_CODE, exit_code), exit_code)
        if syscalls.digest.keys() != _ALL_WORDS or syscalls.deferred.keys() != _ALL_WORDS:
            return self._outcome(Trap(Reason.NEVER_COMMITTED), exit_code)
        if any(syscalls.deferred.values()):
            return self._outcome(Trap(Reason.DEFERRED_PROOFS), exit_code)
        digest = hashlib.sha256(syscalls.public_values).digest()
        if tuple(syscalls.digest[index] for index in sorted(_ALL_WORDS)) != _WORDS.unpack(digest):
            return self._outcome(Trap(Reason.WRONG_DIGEST), exit_code)
        return self._outcome(None, exit_code)

    def _outcome(self, end: Trap | None, exit_code: int | None) -> Outcome:
        reason, detail = (end.reason, end.detail) if end else (None, 0)
        values, printed = bytes(self._syscalls.public_values), bytes(self._syscalls.printed)
        return Outcome(reason, detail, exit_code, self._cycles(exit_code), values, printed)

    def _cycles(self, exit_code: int | None) -> int:
        if self.unconstrained:
            return self._saved.cycles
        guard = self._guard
        return guard.instructions_before if exit_code is None else guard.instructions


def warm_up() -> None:
    """Do once, before any guest is there, what takes long the first time."""
    for family in Family:
        segment = Segment(_SOMEWHERE, len(_HALT), _HALT)
        halt = Image(family, segment.address, (segment,), segment.address, _HALT, frozenset())
        run(halt, (), Budget(None, 1 << 20))
    gc.collect()  # engines hold their callbacks and the other way round
