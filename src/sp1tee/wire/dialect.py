"""Which of the network's two dialects a request body speaks, and which request it is.

Both dialects use the same method and the same message name. Up to field 11 the bodies agree; field
12 is a bool (`stdin_private`) in the base dialect and bytes (`domain`) in the auction dialect, and
13 to 21 exist in the latter only. Reading one with the other's schema does not fail, so the tags
decide before anything is read.
"""

import hashlib
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from sp1tee.errors import MalformedMessage

MAX_FIELDS = 10_000
"""How many fields of a message are walked; a request body has about 20 and its whitelist."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MAX_FIELD_NUMBER = (1 << 29) - 1
_MAX_VARINT_SIZE = 10
_MAX_TAG_SIZE = 5  # of a length too: both are 32-bit numbers

_NONCE = 1
_DOMAIN_OR_PRIVATE = 12
_AUCTION_ONLY = range(13, 22)


class Dialect(StrEnum):
    """A set of message types: base for reserved and hosted proving, auction for the market."""

    BASE = "base"
    AUCTION = "auction"


class Field(NamedTuple):
    """One field as it stands in a message.

    Attributes:
        number: the field number.
        wire_type: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
        payload: its value as encoded; without the length if length-delimited.
    """

    number: int
    wire_type: int
    payload: bytes


class _Span(NamedTuple):
    number: int
    wire_type: int
    start: int
    payload: int
    end: int


def walk(data: bytes) -> Iterator[Field]:
    """Yield a message's fields in the order they stand in, knowing no schema.

    Raises:
        MalformedMessage: it is cut, not protobuf, or has more than `MAX_FIELDS` fields.
    """
    for span in _spans(data):
        yield Field(span.number, span.wire_type, data[span.payload : span.end])


def dialect_of(body: bytes) -> Dialect:
    """Tell the dialect of an encoded ``RequestProofRequestBody``.

    Raises:
        MalformedMessage: as for `walk`.
    """
    types = {span.number: span.wire_type for span in _spans(body)}
    if _DOMAIN_OR_PRIVATE in types:
        return Dialect.AUCTION if types[_DOMAIN_OR_PRIVATE] == _LENGTH else Dialect.BASE
    return Dialect.AUCTION if any(n in types for n in _AUCTION_ONLY) else Dialect.BASE


def request_fingerprint(signer: bytes, body: bytes) -> bytes:
    """Name a request so that a client's retry of it has the same name.

    A retry differs from the first try in its nonce and so in its signature, in nothing else.

    Args:
        signer: the address that signed the body, 20 bytes.
        body: the encoded ``RequestProofRequestBody``.

    Returns:
        SHA-256 over the signer and the body without its nonce, 32 bytes.

    Raises:
        MalformedMessage: as for `walk`.
    """
    digest = hashlib.sha256(signer)
    for span in _spans(body):
        if span.number != _NONCE:
            digest.update(body[span.start : span.end])
    return digest.digest()


def _spans(data: bytes) -> Iterator[_Span]:
    position = 0
    for _ in range(MAX_FIELDS):
        if position == len(data):
            return
        span = _span(data, position)
        position = span.end
        yield span
    if position != len(data):
        raise MalformedMessage(f"The message has more than {MAX_FIELDS} fields.")


def _span(data: bytes, start: int) -> _Span:
    tag, payload = _varint(data, start, _MAX_TAG_SIZE)
    number, wire_type = tag >> 3, tag & 7
    if not 0 < number <= _MAX_FIELD_NUMBER:
        raise MalformedMessage("The message has a field number that does not exist.")
    if wire_type == _VARINT:
        _, end = _varint(data, payload)
    elif wire_type == _LENGTH:
        length, payload = _varint(data, payload, _MAX_TAG_SIZE)
        end = payload + length
    elif wire_type in _FIXED_SIZES:
        end = payload + _FIXED_SIZES[wire_type]
    else:
        raise MalformedMessage("The message has a field of a type that does not exist.")
    if end > len(data):
        raise MalformedMessage("The message ends in the middle of a field.")
    return _Span(number, wire_type, start, payload, end)


def _varint(data: bytes, start: int, limit: int = _MAX_VARINT_SIZE) -> tuple[int, int]:
    """Return a varint's value and where it ends."""
    value = 0
    for i, byte in enumerate(data[start : start + limit]):
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, start + i + 1
    raise MalformedMessage("The message has a number that is cut or too long.")
