"""The headers of an ELF file, as SP1's parser reads them (the Rust crate ``elf``).

Only the layout is checked here: that every table lies inside the file and has entries of the
size its class prescribes. What the values may be is decided in `sp1tee.fulfill.executors.elf`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct
from typing import Final

from sp1tee.errors import ElfError

_IDENT_SIZE: Final = 16
_MAGIC: Final = b"\x7fELF"
_LITTLE_ENDIAN: Final = 1
_CURRENT: Final = 1
_MAX_PROGRAM_HEADERS: Final = 256
_SYMBOL_TABLE: Final = 2


class Layout(StrEnum):
    """What can be wrong with the layout of a file."""

    NOT_ELF = "The program does not begin with the header of a little-endian ELF file."
    CUT = "A header table of the program lies outside the file."
    ENTRY_SIZE = "A header table of the program has entries of a size its class does not have."
    NO_SEGMENTS = "The program has no program headers."
    TOO_MANY = "The program has more than 256 program headers."
    SYMBOLS = "The program's symbol table refers to bytes outside the file."


@dataclass(frozen=True, slots=True)
class _Class:
    bits: int
    header: Struct
    program: Struct
    section: Struct
    symbol_size: int


_CLASSES: Final = {
    1: _Class(32, Struct("<HHIIIIIHHHHHH"), Struct("<IIIIIIII"), Struct("<10I"), 16),
    2: _Class(64, Struct("<HHIQQQIHHHHHH"), Struct("<IIQQQQQQ"), Struct("<IIQQQQIIQQ"), 24),
}


@dataclass(frozen=True, slots=True)
class ProgramHeader:
    """One entry of the program header table, with the field names of the ELF specification."""

    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """One entry of the section header table, as far as SP1 looks at it."""

    kind: int
    address: int
    offset: int
    size: int
    link: int
    entry_size: int


@dataclass(frozen=True, slots=True)
class Headers:
    """All headers of one file.

    Attributes:
        bits: 32 or 64, the class of the file.
        kind: ``e_type``.
        machine: ``e_machine``.
        entry: the address of the first instruction.
        segments: the program header table.
        sections: the section header table; None for a file without one.
    """

    bits: int
    kind: int
    machine: int
    entry: int
    segments: tuple[ProgramHeader, ...]
    sections: tuple[SectionHeader, ...] | None


def read_headers(elf: bytes) -> Headers:
    """Read all headers of a file.

    Raises:
        ElfError: with a `Layout` text.
    """
    shape = _read_ident(elf)
    if len(elf) < _IDENT_SIZE + shape.header.size:
        raise ElfError(Layout.NOT_ELF)
    fields = shape.header.unpack_from(elf, _IDENT_SIZE)
    kind, machine, _, entry, segments_at, sections_at, _, _, *table = fields
    segment_size, segment_count, section_size, section_count, _ = table
    return Headers(
        shape.bits,
        kind,
        machine,
        entry,
        _read_segments(elf, shape, segments_at, segment_size, segment_count),
        _read_sections(elf, shape, sections_at, section_size, section_count),
    )


def check_symbols(elf: bytes, headers: Headers) -> None:
    """Check that the symbol table and its strings lie inside the file; SP1 v6 reads them.

    Raises:
        ElfError: they do not.
    """
    sections = headers.sections or ()
    table = next((section for section in sections if section.kind == _SYMBOL_TABLE), None)
    if table is None:
        return
    symbol_size = next(
        shape.symbol_size for shape in _CLASSES.values() if shape.bits == headers.bits
    )
    if table.entry_size != symbol_size or table.link >= len(sections):
        raise ElfError(Layout.SYMBOLS)
    if any(section.offset + section.size > len(elf) for section in (table, sections[table.link])):
        raise ElfError(Layout.SYMBOLS)


def _read_ident(elf: bytes) -> _Class:
    ident = elf[:_IDENT_SIZE]
    if len(ident) < _IDENT_SIZE or ident[:4] != _MAGIC:
        raise ElfError(Layout.NOT_ELF)
    shape = _CLASSES.get(ident[4])
    if shape is None or ident[5] != _LITTLE_ENDIAN or ident[6] != _CURRENT:
        raise ElfError(Layout.NOT_ELF)
    return shape


def _read_segments(
    elf: bytes, shape: _Class, offset: int, size: int, count: int
) -> tuple[ProgramHeader, ...]:
    if offset == 0:
        raise ElfError(Layout.NO_SEGMENTS)
    if count > _MAX_PROGRAM_HEADERS:
        raise ElfError(Layout.TOO_MANY)
    return tuple(
        _program_header(shape, row) for row in _rows(elf, shape.program, offset, size, count)
    )


def _program_header(shape: _Class, row: tuple[int, ...]) -> ProgramHeader:
    if shape.bits == 32:  # noqa: PLR2004 - the width of a class
        kind, offset, address, _, file_size, memory_size, flags, _ = row
    else:
        kind, flags, offset, address, _, file_size, memory_size, _ = row
    return ProgramHeader(kind, flags, offset, address, file_size, memory_size)


def _read_sections(
    elf: bytes, shape: _Class, offset: int, size: int, count: int
) -> tuple[SectionHeader, ...] | None:
    if offset == 0:
        return None
    if count == 0:  # the real number is too large for its field and stands in the first entry
        first = next(_rows(elf, shape.section, offset, size, 1))
        count = _section_header(first).size
    return tuple(_section_header(row) for row in _rows(elf, shape.section, offset, size, count))


def _section_header(row: tuple[int, ...]) -> SectionHeader:
    _, kind, _, address, offset, size, link, _, _, entry_size = row
    return SectionHeader(kind, address, offset, size, link, entry_size)


def _rows(
    elf: bytes, entry: Struct, offset: int, size: int, count: int
) -> Iterator[tuple[int, ...]]:
    if size != entry.size:
        raise ElfError(Layout.ENTRY_SIZE)
    if offset + size * count > len(elf):
        raise ElfError(Layout.CUT)
    return entry.iter_unpack(memoryview(elf)[offset : offset + size * count])
