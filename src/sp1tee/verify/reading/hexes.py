"""Hex as attestation tools write it: either case, with or without ``0x``."""

import re
from typing import Final

from sp1tee.errors import EvidenceMalformed

# bytes.fromhex also takes white space, which is no hex.
_HEX: Final = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})*)", re.ASCII)


def from_hex(value: object, what: str, *, size: int | None = None) -> bytes:
    """Decode hex text.

    Args:
        value: what should be text.
        what: its name in an error.
        size: how many bytes it must have; any number if None.

    Raises:
        EvidenceMalformed: it is no text, no hex, or has another size.
    """
    if not isinstance(value, str):
        raise EvidenceMalformed(f"{what} is no text of hex digits.")
    match = _HEX.fullmatch(value)
    if match is None:
        raise EvidenceMalformed(f"{what} is not hex.")
    data = bytes.fromhex(match[1])
    if size is not None and len(data) != size:
        raise EvidenceMalformed(f"{what} has {len(data)} bytes, not {size}.")
    return data
