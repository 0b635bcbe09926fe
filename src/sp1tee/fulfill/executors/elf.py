"""Loading a guest: the rules of SP1's own loader, one by one.

Sources: "SP1 v5.2 crates/core/executor/src/disassembler/elf.rs" for v5 (ELF32, RV32IM) and the
same file of SP1 v6 for v6 (ELF64, RV64IM; a 32-bit file is tolerated). Zero-filled memory follows
SP1 6.10: bytes of a segment behind its file part are zero and disturb nothing before them.

Three rules are of this executor: programs that SP1 v6 calls "untrusted" (a note named SUCCINCT, or
segments marked so), whose code can change while it runs, are refused, and so are v6 segments above
2^40, the memory of SP1's native executor. So are segments of more than 512 MiB in sum: SP1 makes a
table entry of every word of them, zeros included, which no machine has the memory for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

from sp1tee.errors import ElfError
from sp1tee.fulfill.executors import isa
from sp1tee.fulfill.executors.elf_headers import (
    Headers,
    Layout,
    ProgramHeader,
    check_symbols,
    read_headers,
)
from sp1tee.fulfill.executors.elf_notes import asks_for_untrusted_code
from sp1tee.wire.versions import Family

MAX_ELF_BYTES: Final = 256 << 20
MAX_LOADED_BYTES: Final = 512 << 20

_EXECUTABLE, _RISCV = 2, 243
_LOAD, _NOTE = 1, 4
_X, _W, _R, _UNTRUSTED = 1, 2, 4, 0x0010_0000
_PROGBITS, _NOBITS = 1, 8
_WORD: Final = 4
_MAX_INSTRUCTIONS: Final = 1 << 22
_LOWEST_BASE: Final = 0x20
_V5_IMAGE_BASE, _V6_IMAGE_BASE = 0x0020_0800, 0x7800_0000
_V5_HUGE, _V6_HUGE = (1 << 32) - 1, (1 << 48) - 1


class Rule(StrEnum):
    """What can be wrong with a program whose headers can be read."""

    TOO_LARGE = "The program is larger than 256 MiB."
    CLASS = "SP1 v5 runs 32-bit programs only; this ELF file is a 64-bit one."
    MACHINE = "The program is not for RISC-V."
    TYPE = "The program is not a static executable (ET_EXEC)."
    ENTRY_ALIGNMENT = "The program's entry point is not a multiple of 4."
    ENTRY_OUTSIDE = "The program's entry point lies outside its executable segments."
    SEGMENT_ALIGNMENT = "A segment's address is not a multiple of 4."
    SEGMENT_ORDER = "The program's segments are not in ascending order, or overlap."
    SEGMENT_SIZE = "A segment has a size that SP1 reserves as invalid."
    SEGMENT_CUT = "A segment's bytes lie outside the file."
    SEGMENT_HIGH = "A segment reaches beyond the guest's address space."
    SEGMENTS_LARGE = "The program's segments take more than 512 MiB of memory."
    V5_LOW = (
        "A segment below 0x00200800 contains code or data; SP1 v5 keeps the stack there and lets "
        "only headers lie there."
    )
    V5_ZERO = "A segment covers address 0."
    V6_LOW = "A segment lies below 0x78000000, where SP1 v6 keeps the stack."
    UNREADABLE = "A segment is not readable."
    WRITABLE_CODE = "A segment is both writable and executable."
    CODE_APART = "The program's executable segments do not follow each other without a gap."
    CODE_LOW = "The program's code begins at or below address 0x20."
    NO_CODE = "The program has no executable segment, or no instruction in it."
    MUCH_CODE = "The program has more than 4,194,304 instructions."
    UNDECODABLE = (
        "An executable segment contains a word that is no RV32IM (v5) or RV64IM (v6) instruction."
    )
    NOTES = "A note segment of the program is malformed."
    UNTRUSTED = (
        "The program runs code that it makes at run time (SP1's untrusted programs); "
        "only SP1's own executor can run it."
    )


REFUSALS: Final[tuple[str, ...]] = (*Layout, *Rule)
"""Every text that an `ElfError` of this package can carry."""


@dataclass(frozen=True, slots=True)
class Space:
    """Where a family's guests may read and write.

    Attributes:
        xlen: the width of a register in bits.
        low: the lowest address; SP1 keeps its registers below.
        high: the first address that is too high.
        word: SP1's unit of memory in bytes, also the alignment of hints.
    """

    xlen: int
    low: int
    high: int
    word: int


SPACES: Final = {
    Family.V5: Space(32, 0x20, 0x7800_0004, 4),
    Family.V6: Space(64, 1 << 16, 1 << 40, 8),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of initial memory: `data` at `address`, zeros behind it up to `size` bytes."""

    address: int
    size: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Image:
    """A program, ready to be put into memory.

    Attributes:
        family: which SP1 it is for.
        entry: the address of the first instruction.
        segments: initial memory, ascending, code included.
        code_address: where code begins.
        code: all instructions, 4 bytes each.
        unimplemented: the words in it that SP1 decodes but fails to execute.
    """

    family: Family
    entry: int
    segments: tuple[Segment, ...]
    code_address: int
    code: bytes = field(repr=False)
    unimplemented: frozenset[int]

    @property
    def space(self) -> Space:
        """Where this program may read and write."""
        return SPACES[self.family]


def load(elf: bytes, family: Family) -> Image:
    """Read a program as SP1 would.

    Raises:
        ElfError: SP1 would refuse it; the text is one of `REFUSALS`.
    """
    _require(len(elf) <= MAX_ELF_BYTES, Rule.TOO_LARGE)
    headers = read_headers(elf)
    _check_file(headers, family)
    loads = [header for header in headers.segments if header.kind == _LOAD]
    for header in loads:
        _check_segment(header, headers, family)
    loaded = sum(header.memory_size for header in loads)
    _require(loaded <= MAX_LOADED_BYTES, Rule.SEGMENTS_LARGE)
    _check_order(loads)
    segments = tuple(_cut(elf, header) for header in loads)
    executable = [
        segment for segment, header in zip(segments, loads, strict=True) if header.flags & _X
    ]
    if family is Family.V6:
        _check_v6_extras(elf, headers, loads)
    code = b"".join(_instructions(executable))
    unimplemented = _decode(code, SPACES[family].xlen)
    address = executable[0].address
    _require(address <= headers.entry < address + len(code), Rule.ENTRY_OUTSIDE)
    return Image(family, headers.entry, segments, address, code, unimplemented)


def _require(holds: bool, rule: Rule) -> None:
    if not holds:
        raise ElfError(rule)


def _check_file(headers: Headers, family: Family) -> None:
    _require(family is Family.V6 or headers.bits == SPACES[family].xlen, Rule.CLASS)
    _require(headers.machine == _RISCV, Rule.MACHINE)
    _require(headers.kind == _EXECUTABLE, Rule.TYPE)
    _require(headers.entry % _WORD == 0, Rule.ENTRY_ALIGNMENT)


def _check_segment(segment: ProgramHeader, headers: Headers, family: Family) -> None:
    huge = _V5_HUGE if family is Family.V5 else _V6_HUGE
    _require(huge not in (segment.file_size, segment.memory_size), Rule.SEGMENT_SIZE)
    _require(segment.address % _WORD == 0, Rule.SEGMENT_ALIGNMENT)
    _require(not (segment.flags & _X and segment.flags & _W), Rule.WRITABLE_CODE)
    if family is Family.V5:
        _check_v5_address(segment, headers)
    else:
        _require(segment.address >= _V6_IMAGE_BASE, Rule.V6_LOW)
        _require(bool(segment.flags & _R), Rule.UNREADABLE)
    end = segment.address + segment.memory_size
    _require(end <= SPACES[family].high, Rule.SEGMENT_HIGH)


def _check_v5_address(segment: ProgramHeader, headers: Headers) -> None:
    _require(segment.address > 0 or segment.memory_size == 0, Rule.V5_ZERO)
    if segment.address >= _V5_IMAGE_BASE:
        return
    _require(headers.sections is not None, Rule.V5_LOW)
    file_end = segment.address + segment.file_size
    for section in headers.sections or ():
        apart = section.address >= file_end or segment.address >= section.address + section.size
        _require(apart or section.kind not in (_PROGBITS, _NOBITS), Rule.V5_LOW)


def _check_order(loads: Sequence[ProgramHeader]) -> None:
    for before, after in pairwise(loads):
        _require(before.address + before.memory_size <= after.address, Rule.SEGMENT_ORDER)


def _check_v6_extras(elf: bytes, headers: Headers, loads: Sequence[ProgramHeader]) -> None:
    check_symbols(elf, headers)
    marked = any(segment.flags & _X and segment.flags & _UNTRUSTED for segment in loads)
    _require(not marked, Rule.UNTRUSTED)
    for segment in headers.segments:
        if segment.kind == _NOTE:
            notes = elf[segment.offset : segment.offset + segment.file_size]
            _require(len(notes) == segment.file_size, Rule.NOTES)
            _require(not _asks_for_untrusted_code(notes), Rule.UNTRUSTED)


def _asks_for_untrusted_code(notes: bytes) -> bool:
    try:
        return asks_for_untrusted_code(notes)
    except ValueError:
        raise ElfError(Rule.NOTES) from None


def _cut(elf: bytes, header: ProgramHeader) -> Segment:
    """Take a segment's bytes as SP1's loop does: words up to the end of memory, file part first."""
    length = min(header.file_size, -(-header.memory_size // _WORD) * _WORD)
    data = elf[header.offset : header.offset + length]
    _require(len(data) == length, Rule.SEGMENT_CUT)
    return Segment(header.address, header.memory_size, data)


def _instructions(executable: Sequence[Segment]) -> Iterator[bytes]:
    _require(bool(executable), Rule.NO_CODE)
    _require(executable[0].address > _LOWEST_BASE, Rule.CODE_LOW)
    following = executable[0].address
    for segment in executable:
        _require(segment.address == following, Rule.CODE_APART)
        padded = segment.data + bytes(-len(segment.data) % _WORD)
        following += len(padded)
        yield padded


def _decode(code: bytes, xlen: int) -> frozenset[int]:
    """Check every instruction and return those that fail when executed."""
    words = memoryview(code).cast("I")
    _require(len(words) > 0, Rule.NO_CODE)
    _require(len(words) <= _MAX_INSTRUCTIONS, Rule.MUCH_CODE)
    kinds = {word: isa.classify(word, xlen) for word in set(words)}
    _require(isa.Kind.UNDECODABLE not in kinds.values(), Rule.UNDECODABLE)
    return frozenset(word for word, kind in kinds.items() if kind is isa.Kind.UNIMPLEMENTED)
