"""ELF files made by hand, to break one rule at a time."""

from dataclasses import dataclass, field
from struct import pack

NOP = pack("<I", 0x13)
R, W, X = 4, 2, 1
LOAD, NOTE = 1, 4
PROGBITS, SYMTAB = 1, 2


@dataclass
class Segment:
    address: int
    data: bytes = NOP * 2
    flags: int = R | X
    memory_size: int | None = None
    kind: int = LOAD
    file_size: int | None = None


@dataclass
class Section:
    kind: int = PROGBITS
    address: int = 0
    size: int = 0
    offset: int = 0
    link: int = 0
    entry_size: int = 0


@dataclass
class Elf:
    """A file; `bits` is 32 or 64, everything else as in the headers."""

    bits: int = 64
    segments: list[Segment] = field(default_factory=lambda: [Segment(0x7800_0000)])
    entry: int = 0x7800_0000
    machine: int = 243
    kind: int = 2
    byte_order: int = 1
    sections: list[Section] | None = None
    segment_entry_size: int | None = None
    segments_at: int | None = None
    segment_count: int | None = None

    def build(self) -> bytes:
        wide = self.bits == 64
        header_size, row_size, section_size = (64, 56, 64) if wide else (52, 32, 40)
        rows, bodies = b"", b""
        body_at = header_size + row_size * len(self.segments)
        for segment in self.segments:
            rows += _row(segment, body_at + len(bodies), wide=wide)
            bodies += segment.data
        sections = b"".join(_section(section, wide=wide) for section in self.sections or ())
        sections_at = body_at + len(bodies) if self.sections is not None else 0
        ident = b"\x7fELF" + bytes([2 if wide else 1, self.byte_order, 1]) + bytes(9)
        header = pack(
            "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH",
            *(self.kind, self.machine, 1, self.entry),
            header_size if self.segments_at is None else self.segments_at,
            *(sections_at, 0, header_size),
            row_size if self.segment_entry_size is None else self.segment_entry_size,
            len(self.segments) if self.segment_count is None else self.segment_count,
            *(section_size, len(self.sections or ()), 0),
        )
        return ident + header + rows + bodies + sections


def _row(segment: Segment, offset: int, *, wide: bool) -> bytes:
    file_size = len(segment.data) if segment.file_size is None else segment.file_size
    size = len(segment.data) if segment.memory_size is None else segment.memory_size
    address = segment.address
    if wide:
        return pack(
            "<IIQQQQQQ", segment.kind, segment.flags, offset, address, 0, file_size, size, 4
        )
    return pack("<IIIIIIII", segment.kind, offset, address, 0, file_size, size, segment.flags, 4)


def _section(section: Section, *, wide: bool) -> bytes:
    row = (0, section.kind, 0, section.address, section.offset, section.size, section.link, 0, 0)
    return pack("<IIQQQQIIQQ" if wide else "<10I", *row, section.entry_size)


def v5(**changes: object) -> Elf:
    """A file that SP1 v5 loads."""
    made = Elf(bits=32, segments=[Segment(0x0020_1000)], entry=0x0020_1000)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def v6(**changes: object) -> Elf:
    """A file that SP1 v6 loads."""
    made = Elf()
    for name, value in changes.items():
        setattr(made, name, value)
    return made
