"""Hex text: lower case on the way out, ``0x`` and any case accepted on the way in."""

import re

from sp1tee.errors import HexError

_HEX = re.compile(r"(?:0x)?((?:[0-9a-fA-F]{2})*)")


def to_hex(data: bytes) -> str:
    """Write bytes as lower-case hex digits without a prefix."""
    return data.hex()


def from_hex(text: str, length: int | None = None, what: str = "value") -> bytes:
    """Read hex digits, with or without ``0x``.

    Args:
        text: the digits; no spaces, an even number of them.
        length: how many bytes they must make, where that is fixed.
        what: what the text should be, for the error message.

    Raises:
        HexError: it is not hex, or not of that length. The message never repeats the text,
            which may be a key.
    """
    match = _HEX.fullmatch(text)
    if match is None:
        raise HexError(f"The {what} is not hex digits.")
    data = bytes.fromhex(match[1])
    if length is not None and len(data) != length:
        raise HexError(
            f"The {what} has {len(data)} bytes instead of {length}.",
            advice=f"Give {2 * length} hex digits, with or without 0x.",
        )
    return data
