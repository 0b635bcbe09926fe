"""Reading what the upstream network answers."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from sp1tee.errors import BadReply
from sp1tee.wire.pb import types_pb2

M = TypeVar("M", bound=Message)

# Nothing of the call happened, and sending it again as it is would not help.
DEFINITE = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "FAILED_PRECONDITION",
        "RESOURCE_EXHAUSTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
    }
)

ENDED_WITHOUT_PROOF = frozenset({types_pb2.UNFULFILLABLE, types_pb2.REVERTED, types_pb2.EXPIRED})
FINAL = ENDED_WITHOUT_PROOF | {types_pb2.FULFILLED}


def read(kind: type[M], data: bytes) -> M:
    """Decode an answer.

    Raises:
        BadReply: it is not one.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise BadReply(
            f"The upstream network's {kind.DESCRIPTOR.name} cannot be decoded."
        ) from None


def status_name(status: int) -> str:
    """Name a fulfillment status in words, unknown ones too."""
    known = types_pb2.FulfillmentStatus.values()
    if status not in known:
        return f"status {status}"
    return types_pb2.FulfillmentStatus.Name(types_pb2.FulfillmentStatus.ValueType(status)).lower()
