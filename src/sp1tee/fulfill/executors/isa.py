"""Which 32-bit words are instructions to SP1: RV32IM (v5) and RV64IM (v6).

SP1's loader decodes every word of the executable segments before it runs one, and gives up at the
first that it cannot decode ("SP1 crates/core/executor/src/disassembler/rrs.rs"). Fences, CSR
accesses, ``wfi`` and ``mret`` do decode, as an "unimplemented" instruction that fails when it is
executed.

SP1's decoder ignores some bits that the RISC-V specification fixes (funct7 of SLLI, SLLIW, SLLW,
DIVW, REMW and REMUW, funct3 of JALR). Such reserved encodings, which no compiler emits, count as
undecodable here.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

_ANY: Final = range(8)
_LOAD, _FENCE, _OP_IMM, _AUIPC, _OP_IMM_32 = 0x03, 0x0F, 0x13, 0x17, 0x1B
_STORE, _OP, _LUI, _OP_32 = 0x23, 0x33, 0x37, 0x3B
_BRANCH, _JALR, _JAL, _SYSTEM = 0x63, 0x67, 0x6F, 0x73

_BRANCHES: Final = (0, 1, 4, 5, 6, 7)
_CSR: Final = (1, 2, 3, 5, 6, 7)
_ECALL: Final = 0x00000073
EBREAK: Final = 0x00100073
_WFI, _MRET = 0x10500073, 0x30200073

# funct3 where funct7 belongs to an immediate
_PLAIN: Final[Mapping[int, Mapping[int, tuple[int, ...] | range]]] = {
    32: {
        _LOAD: (0, 1, 2, 4, 5),
        _STORE: (0, 1, 2),
        _OP_IMM: (0, 2, 3, 4, 6, 7),
        _AUIPC: _ANY,
        _LUI: _ANY,
        _JAL: _ANY,
        _JALR: (0,),
        _BRANCH: _BRANCHES,
    },
    64: {
        _LOAD: range(7),
        _STORE: range(4),
        _OP_IMM: (0, 2, 3, 4, 6, 7),
        _OP_IMM_32: (0,),
        _AUIPC: _ANY,
        _LUI: _ANY,
        _JAL: _ANY,
        _JALR: (0,),
        _BRANCH: _BRANCHES,
    },
}

# opcode, funct7 -> funct3; a 64-bit shift amount takes funct7's lowest bit
_FULL: Final[Mapping[int, Mapping[tuple[int, int], tuple[int, ...] | range]]] = {
    32: {
        (_OP_IMM, 0x00): (1, 5),
        (_OP_IMM, 0x20): (5,),
        (_OP, 0x00): _ANY,
        (_OP, 0x01): _ANY,
        (_OP, 0x20): (0, 5),
    },
    64: {
        (_OP_IMM, 0x00): (1, 5),
        (_OP_IMM, 0x01): (1, 5),
        (_OP_IMM, 0x20): (5,),
        (_OP_IMM, 0x21): (5,),
        (_OP_IMM_32, 0x00): (1, 5),
        (_OP_IMM_32, 0x20): (5,),
        (_OP, 0x00): _ANY,
        (_OP, 0x01): _ANY,
        (_OP, 0x20): (0, 5),
        (_OP_32, 0x00): (0, 1, 5),
        (_OP_32, 0x01): (0, 4, 5, 6, 7),
        (_OP_32, 0x20): (0, 5),
    },
}


class Kind(Enum):
    """What SP1 makes of a word."""

    RUNS = "runs"
    UNIMPLEMENTED = "fails when executed"
    UNDECODABLE = "stops the loader"


def classify(word: int, xlen: int) -> Kind:
    """Tell what SP1 makes of an instruction word of an `xlen`-bit guest."""
    opcode, funct3, funct7 = word & 0x7F, word >> 12 & 7, word >> 25
    if opcode == _SYSTEM:
        return _classify_system(word, funct3)
    if opcode == _FENCE:
        return Kind.UNIMPLEMENTED if funct3 == 0 else Kind.UNDECODABLE
    known = funct3 in _PLAIN[xlen].get(opcode, ()) or funct3 in _FULL[xlen].get(
        (opcode, funct7), ()
    )
    return Kind.RUNS if known else Kind.UNDECODABLE


def _classify_system(word: int, funct3: int) -> Kind:
    if word in (_ECALL, EBREAK):
        return Kind.RUNS
    if word in (_WFI, _MRET) or funct3 in _CSR:
        return Kind.UNIMPLEMENTED
    return Kind.UNDECODABLE


def positions(words: memoryview, wanted: frozenset[int]) -> Iterator[int]:
    """Find the indices of the words that are in `wanted`."""
    if wanted:
        yield from (index for index, word in enumerate(words) if word in wanted)
