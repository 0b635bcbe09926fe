"""bincode 1.3 with its default rules, as Rust's SP1 crates use it.

Integers are little-endian and of fixed width, lengths are u64, an enum's variant is a u32, an
Option's tag and a bool are one byte, arrays of fixed size and structs have no header.
"""

import builtins
from typing import Self

from sp1tee.errors import BincodeError


class Reader:
    """A cursor over bincode bytes that refuses whatever does not fit.

    Every method raises `BincodeError` where the bytes end too early.
    """

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        self._position = 0

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self._position

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._position

    def u8(self) -> int:
        """Read one byte as a number."""
        return self._integer(1)

    def u32(self) -> int:
        """Read a little-endian u32."""
        return self._integer(4)

    def u64(self) -> int:
        """Read a little-endian u64."""
        return self._integer(8)

    def option_byte(self) -> bool:
        """Read an Option's tag: whether its value follows.

        Raises:
            BincodeError: the tag is neither 0 nor 1.
        """
        tag = self.u8()
        if tag > 1:
            raise BincodeError("An optional value is marked neither absent nor present.")
        return bool(tag)

    def bytes(self, count: int) -> builtins.bytes:
        """Read exactly `count` bytes."""
        return self._take(count).tobytes()

    def byte_string(self, limit: int | None = None) -> builtins.bytes:
        """Read a ``Vec<u8>``: a u64 length, then as many bytes.

        Raises:
            BincodeError: the length is over `limit`, or over what is left.
        """
        length = self.u64()
        if limit is not None and length > limit:
            raise BincodeError(f"A value is longer than the {limit} bytes allowed for it.")
        return self.bytes(length)

    def string(self, limit: int | None = None) -> str:
        """Read a ``String``: a u64 length, then UTF-8.

        Raises:
            BincodeError: as for `byte_string`, or the bytes are not UTF-8.
        """
        try:
            return self.byte_string(limit).decode()
        except UnicodeDecodeError:
            raise BincodeError("A text is not UTF-8.") from None

    def expect_end(self) -> None:
        """Raise `BincodeError` if anything is left."""
        if self.remaining:
            raise BincodeError(f"{self.remaining} bytes follow the value.")

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _take(self, count: int) -> memoryview:
        if count > self.remaining:
            raise BincodeError(f"The value ends early: {self.remaining} bytes left of {count}.")
        start, self._position = self._position, self._position + count
        return self._data[start : self._position]


class Writer:
    """Builds bincode bytes, one call a value: ``Writer().u32(0).string("x").done()``."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def u8(self, value: int) -> Self:
        """Write one byte."""
        return self._integer(value, 1)

    def u32(self, value: int) -> Self:
        """Write a little-endian u32."""
        return self._integer(value, 4)

    def u64(self, value: int) -> Self:
        """Write a little-endian u64."""
        return self._integer(value, 8)

    def raw(self, data: bytes) -> Self:
        """Write bytes as they are: an array of fixed size, or something encoded already."""
        self._parts.append(data)
        return self

    def byte_string(self, data: bytes) -> Self:
        """Write a ``Vec<u8>``: its length as u64, then the bytes."""
        return self.u64(len(data)).raw(data)

    def string(self, text: str) -> Self:
        """Write a ``String``: the length of its UTF-8 as u64, then the UTF-8."""
        return self.byte_string(text.encode())

    def done(self) -> bytes:
        """Return everything written."""
        return b"".join(self._parts)

    def _integer(self, value: int, size: int) -> Self:
        try:
            self._parts.append(value.to_bytes(size, "little"))
        except OverflowError:
            raise BincodeError(f"A number does not fit in {8 * size} bits.") from None
        return self
