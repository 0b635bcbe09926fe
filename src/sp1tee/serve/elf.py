"""The little of an ELF that says whether it can be the program of a verifying key.

Only the header is read (System V ABI, chapter 4). Whether SP1 can load and run the rest is for
the prover's machine to say, where the program runs anyway.
"""

import struct
from dataclasses import dataclass

from sp1tee.errors import ProgramRefused
from sp1tee.wire.versions import Family

_MAGIC = b"\x7fELF"
_LITTLE_ENDIAN = 1
_EXECUTABLE = 2
_RISCV = 243
_IDENT_SIZE = 16

# e_type, e_machine, e_version, e_entry; the entry's width is all that differs.
_CLASSES = {1: (Family.V5, struct.Struct("<HHII")), 2: (Family.V6, struct.Struct("<HHIQ"))}


@dataclass(frozen=True, slots=True)
class ElfHeader:
    """What a program's header tells.

    Attributes:
        family: 32-bit programs are of SP1 v5, 64-bit ones of v6.
        entry: the address of the first instruction.
    """

    family: Family
    entry: int


def read_header(elf: bytes) -> ElfHeader:
    """Read the header of a program.

    Raises:
        ProgramRefused: it is not an executable for little-endian RISC-V.
    """
    ident = elf[:_IDENT_SIZE]
    if len(ident) < _IDENT_SIZE or ident[:4] != _MAGIC:
        raise ProgramRefused("The program is not an ELF file.")
    known = _CLASSES.get(ident[4])
    if known is None or ident[5] != _LITTLE_ENDIAN:
        raise ProgramRefused("The program's ELF header is neither 32- nor 64-bit little-endian.")
    family, layout = known
    if len(elf) < _IDENT_SIZE + layout.size:
        raise ProgramRefused("The program's ELF header is cut.")
    kind, machine, _, entry = layout.unpack_from(elf, _IDENT_SIZE)
    if (kind, machine) != (_EXECUTABLE, _RISCV):
        raise ProgramRefused("The program is not an executable for RISC-V.")
    return ElfHeader(family, entry)
