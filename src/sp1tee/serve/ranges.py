"""Byte ranges of downloads, after RFC 9110 §14: one range, or none."""

import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import RangeRefused

# More digits than any file has bytes would only make large numbers.
_ONE_RANGE: Final = re.compile(rb"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a whole of `size` bytes; `offset` and `length` lie inside of it."""

    offset: int
    length: int
    size: int

    @property
    def content_range(self) -> bytes:
        """The Content-Range header."""
        return b"bytes %d-%d/%d" % (self.offset, self.offset + self.length - 1, self.size)


def span_of(header: bytes | None, size: int) -> Span | None:
    """Read a Range header; None means the whole.

    A header that is malformed, or asks for several ranges, is ignored, as the RFC allows.

    Raises:
        RangeRefused: it asks for nothing that is there.
    """
    match = None if header is None else _ONE_RANGE.fullmatch(header.strip())
    if match is None or match[0] == b"bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        offset, end = size - length, size
    else:
        offset, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < offset:
            return None
    if offset >= end:
        raise RangeRefused(f"The range begins behind the end: there are {size} bytes.")
    return Span(offset, end - offset, size)
