"""Reading what came from outside: messages and their fields, refused in words."""

from collections.abc import Collection
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from sp1tee.errors import MalformedCall

HASH_SIZE = 32
ADDRESS_SIZE = 20

# SQLite counts in signed 64-bit numbers; no honest nonce comes near.
MAX_NONCE = (1 << 62) - 1

M = TypeVar("M", bound=Message)


def decode(kind: type[M], data: bytes) -> M:
    """Decode a message.

    Raises:
        MalformedCall: the bytes are not one.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise MalformedCall(f"The {kind.DESCRIPTOR.name} cannot be decoded.") from None


def sized(value: bytes, size: int, what: str, *, optional: bool = False) -> bytes:
    """Return `value` if it has `size` bytes, or none where that is allowed.

    Raises:
        MalformedCall: it has another length.
    """
    if len(value) == size or (optional and not value):
        return value
    raise MalformedCall(f"The {what} has {len(value)} bytes instead of {size}.")


def each_sized(values: Collection[bytes], size: int, what: str, *, limit: int) -> None:
    """Check a list of equally long byte strings.

    Raises:
        MalformedCall: there are more than `limit`, or one has another length.
    """
    if len(values) > limit:
        raise MalformedCall(f"The {what} has {len(values)} entries; {limit} are allowed.")
    for value in values:
        sized(value, size, f"{what} entry")


def nonce(value: int) -> int:
    """Return a nonce if it can be counted on from.

    Raises:
        MalformedCall: it cannot.
    """
    if value > MAX_NONCE:
        raise MalformedCall("The nonce is beyond any that GetNonce gives out.")
    return value
