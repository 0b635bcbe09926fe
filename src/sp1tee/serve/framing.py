"""gRPC's wire format: length-prefixed messages, deadlines, and text in HTTP headers.

After https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md. A message travels as a flag
byte (1: compressed), its length as u32 big-endian, and its bytes.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from urllib.parse import quote

from grpc import StatusCode

PREFIX_SIZE = 5

_GZIP = 16 + zlib.MAX_WBITS
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
# Clients refuse trailers of more than 8 KiB.
_TEXT_LIMIT = 4000
_CUT_ESCAPE = re.compile(r"%[0-9A-F]?$")
_NO_METADATA = frozenset({b"te", b"content-type", b"content-length", b"host", b"connection"})

Pairs = tuple[tuple[str, str | bytes], ...]


class CallError(Exception):
    """A call cannot be answered for reasons of the protocol. Stays inside of the bridge.

    Attributes:
        code: the status that the gRPC specification names for it.
        text: what is wrong, for the client.
    """

    def __init__(self, code: StatusCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def frame(message: bytes) -> bytes:
    """Put a message into a frame, uncompressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def frame_size(head: bytes | bytearray, limit: int) -> int:
    """Read from a frame's first bytes how long it will be, those included.

    Raises:
        CallError: its message is longer than `limit`, or the flag has no meaning.
    """
    size = int.from_bytes(head[1:PREFIX_SIZE], "big")
    if size > limit:
        raise too_large(size, limit)
    if head[0] > 1:
        raise CallError(StatusCode.INTERNAL, "The message's frame begins with an unknown flag.")
    return PREFIX_SIZE + size


def too_large(size: int, limit: int) -> CallError:
    """Make the error for a message of `size` bytes."""
    return CallError(
        StatusCode.RESOURCE_EXHAUSTED,
        f"The message has {size} bytes, {limit} are allowed here.",
    )


def only_message(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Take the message out of a body that must hold exactly one frame.

    Raises:
        CallError: it holds none, a part of one, or more; or as `message_of`.
    """
    if not body:
        raise CallError(StatusCode.UNIMPLEMENTED, "This call takes one message; none came.")
    size = frame_size(body, limit)
    if len(body) < max(size, PREFIX_SIZE):
        raise CallError(StatusCode.INTERNAL, "The message is cut off.")
    if len(body) > size:
        raise CallError(StatusCode.UNIMPLEMENTED, "This call takes one message; more came.")
    return message_of(body, encoding, limit)


def message_of(whole: bytes, encoding: bytes, limit: int) -> bytes:
    """Take the message out of one whole frame.

    Args:
        whole: the frame.
        encoding: what the call's ``grpc-encoding`` says; empty for none.
        limit: how many bytes it may have once it is unpacked.

    Raises:
        CallError: it is compressed in an unknown or a broken way, or too large.
    """
    if whole[0] == 0:
        return whole[PREFIX_SIZE:]
    if encoding == b"gzip":
        return _gunzip(whole[PREFIX_SIZE:], limit)
    if encoding in (b"", b"identity"):
        raise CallError(
            StatusCode.INTERNAL, "The message says it is compressed, its call names no encoding."
        )
    raise CallError(
        StatusCode.UNIMPLEMENTED,
        "The message is compressed in a way that is unknown here; use gzip or identity.",
    )


def timeout_of(value: bytes) -> float | None:
    """Read a ``grpc-timeout`` as seconds; None if it is none, which the specification ignores."""
    match = _TIMEOUT.fullmatch(value)
    return None if match is None else int(match[1]) * _UNITS[match[2].decode()]


def status_text(text: str) -> bytes:
    """Write a status message as ``grpc-message``: printable ASCII, the rest percent-encoded."""
    escaped = quote(text[:_TEXT_LIMIT], safe=_PRINTABLE, errors="replace")
    return _CUT_ESCAPE.sub("", escaped[:_TEXT_LIMIT]).encode()


def metadata_of(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Read the call's own metadata from its headers; a ``-bin`` value is bytes."""
    return tuple(
        (name.decode("ascii", "replace"), _metadata_value(name, value))
        for name, value in headers
        if name not in _NO_METADATA and not name.startswith(b"grpc-")
    )


def trailers_of(metadata: Iterable[tuple[str, str | bytes]]) -> list[tuple[bytes, bytes]]:
    """Write metadata as headers. What is not printable ASCII is percent-encoded."""
    return [(name.lower().encode(), _header_value(value)) for name, value in metadata]


def _gunzip(data: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        message = unpacker.decompress(data, limit + 1)
    except zlib.error:
        raise CallError(StatusCode.INTERNAL, "The message's gzip data is broken.") from None
    if len(message) > limit:
        raise CallError(
            StatusCode.RESOURCE_EXHAUSTED, f"The message unpacks to more than {limit} bytes."
        )
    if not unpacker.eof:
        raise CallError(StatusCode.INTERNAL, "The message's gzip data is cut off.")
    return message


def _metadata_value(name: bytes, value: bytes) -> str | bytes:
    if not name.endswith(b"-bin"):
        return value.decode("ascii", "replace")
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return b""


def _header_value(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return base64.b64encode(value).rstrip(b"=")
    return value.encode() if value.isascii() and value.isprintable() else status_text(value)
