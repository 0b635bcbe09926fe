"""ELF notes, as far as SP1 v6 reads them."""

from struct import Struct
from typing import Final

_NOTE: Final = Struct("<III")
_NAME: Final = "SUCCINCT"
_UNTRUSTED_PROGRAM: Final = 1
_DESCRIPTION_HEADER: Final = b"1\x00\x00\x00"
_DESCRIPTION_SIZE: Final = 20


def asks_for_untrusted_code(notes: bytes) -> bool:
    """Tell whether a note segment turns on SP1's untrusted programs.

    The note is named ``SUCCINCT``, has type 1 and a description of a 4-byte version and the two
    u64 bounds of the memory that such code may live in.

    Raises:
        ValueError: a note is cut, or its name is no text.
    """
    position = 0
    while position < len(notes):
        if position + _NOTE.size > len(notes):
            raise ValueError
        name_size, description_size, kind = _NOTE.unpack_from(notes, position)
        name_at = position + _NOTE.size
        description_at = name_at + _padded(name_size)
        position = description_at + _padded(description_size)
        if description_at + description_size > len(notes):
            raise ValueError
        name = notes[name_at : name_at + name_size].split(b"\x00")[0].decode()
        description = notes[description_at : description_at + description_size]
        if (name, kind) == (_NAME, _UNTRUSTED_PROGRAM) and _is_current(description):
            return True
    return False


def _is_current(description: bytes) -> bool:
    return len(description) == _DESCRIPTION_SIZE and description.startswith(_DESCRIPTION_HEADER)


def _padded(size: int) -> int:
    return size + -size % 4
