"""Reading the messages of a call out of an HTTP request's body."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.message import DecodeError
from grpc import StatusCode

from sp1tee.serve.framing import PREFIX_SIZE, CallError, frame_size, message_of, only_message
from sp1tee.serve.http import Receive
from sp1tee.serve.rpc_method import Method

MESSAGE_S: Final = 60.0
"""How long the one message of a call may be on its way, however little of it comes at a time."""


class Disconnected(Exception):  # noqa: N818 - it is an event
    """The client went away."""


async def read_request(receive: Receive, method: Method, encoding: bytes) -> object:
    """Read the one message of a call that takes one.

    Raises:
        CallError: the body is not one message of the method's kind, or too large, or too slow.
        Disconnected: the client went away first.
    """
    body = await _read_body(receive, method.limit + PREFIX_SIZE)
    return decode(method, only_message(body, encoding, method.limit))


async def read_requests(receive: Receive, method: Method, encoding: bytes) -> AsyncIterator[object]:
    """Read the messages of a call that takes a stream of them, one by one; raises the same."""
    buffer = bytearray()
    more = True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            raise Disconnected
        buffer += event.get("body", b"")
        more = event.get("more_body", False)
        while (size := _whole(buffer, method.limit)) is not None:
            yield decode(method, message_of(bytes(buffer[:size]), encoding, method.limit))
            del buffer[:size]
    if buffer:
        raise CallError(StatusCode.INTERNAL, "The last message is cut off.")


def decode(method: Method, message: bytes) -> object:
    """Decode a message.

    Raises:
        CallError: it is not of the method's kind. gRPC's own servers say INTERNAL, which SDKs
            take for a passing trouble and repeat for two minutes.
    """
    if method.read is None:
        return message
    try:
        return method.read(message)
    except DecodeError:
        raise CallError(
            StatusCode.INVALID_ARGUMENT,
            "The message cannot be read. Send it exactly as an SP1 SDK encodes it.",
        ) from None


async def _read_body(receive: Receive, limit: int) -> bytes:
    """Read the body, but not much more than `limit` bytes of it."""
    event = await receive()
    body: bytes = event.get("body", b"")
    # Most bodies come in one piece, which needs no clock.
    if event.get("more_body") and len(body) <= limit:
        try:
            async with asyncio.timeout(MESSAGE_S):
                return await _read_pieces(receive, body, limit)
        except TimeoutError:
            raise CallError(
                StatusCode.DEADLINE_EXCEEDED, f"The message took longer than {MESSAGE_S:.0f} s."
            ) from None
    if event["type"] != "http.request":
        raise Disconnected
    return body


async def _read_pieces(receive: Receive, first: bytes, limit: int) -> bytes:
    pieces, size, more = [first], len(first), True
    while more and size <= limit:
        event = await receive()
        if event["type"] != "http.request":
            raise Disconnected
        chunk = event.get("body", b"")
        size += len(chunk)
        if chunk:
            pieces.append(chunk)
        more = event.get("more_body", False)
    return b"".join(pieces)


def _whole(buffer: bytearray, limit: int) -> int | None:
    """Return the size of the first frame in the buffer, None while it is not whole."""
    if len(buffer) < PREFIX_SIZE:
        return None
    size = frame_size(buffer, limit)
    return size if len(buffer) >= size else None
