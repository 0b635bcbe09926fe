"""Reading messages as the network's verifier reads them: decode, encode again, compare.

The network signs off what it *understood*: it decodes a body with prost, encodes the result and
checks the signature over that. An encoding that prost would not have made itself (unknown fields,
fields out of order or given twice, defaults written out, overlong varints) is therefore signed for
nothing. Here it is refused by name, so that whoever made it finds out.

Python's encoder makes prost's bytes once unknown fields are dropped: ascending field numbers,
implicit-presence fields absent when they hold their default, `optional` fields present when set,
shortest varints.
"""

import hashlib
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from sp1tee.errors import NetworkRefusal, SignatureError
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import SIGNATURE_SIZE, Address, recover

SignedBody = (
    types_pb2.CreateProgramRequestBody
    | types_pb2.RequestProofRequestBody
    | types_pb2.FulfillProofRequestBody
    | types_pb2.FailFulfillmentRequestBody
    | types_pb2.GetStdinUriRequestBody
    | auction_pb2.RequestProofRequestBody
    | auction_pb2.FulfillProofRequestBody
    | auction_pb2.FailFulfillmentRequestBody
    | auction_pb2.GetStdinUriRequestBody
    | auction_pb2.CancelRequestRequestBody
)
"""Every body that is signed, in both dialects."""

M = TypeVar("M", bound=Message)
B = TypeVar("B", bound=SignedBody)
B_co = TypeVar("B_co", bound=SignedBody, covariant=True)

_BODY_V = (27, 28)


@dataclass(frozen=True, slots=True)
class Signed(Generic[B_co]):
    """A body that its signer really signed.

    Attributes:
        signer: recovered from the signature over the canonical encoding of `body`.
        body: the decoded body.
        encoded: that encoding.
    """

    signer: Address
    body: B_co
    encoded: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the encoded body."""
        return hashlib.sha256(self.encoded).digest()


def decode(kind: type[M], data: bytes) -> M:
    """Decode a message in its one canonical encoding.

    Raises:
        NetworkRefusal: it is not such a message, or encoded in another way than prost does.
    """
    message, name = kind(), kind.DESCRIPTOR.name
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise NetworkRefusal(f"failed to decode {name}") from None
    message.DiscardUnknownFields()
    if encode(message) != data:
        raise NetworkRefusal(f"{name} is not canonically encoded, or has unknown fields")
    return message


def peek(kind: type[M], data: bytes) -> M:
    """Decode what can be decoded, to find out which schema the message really has.

    Raises:
        NetworkRefusal: nothing can be decoded.
    """
    try:
        return kind.FromString(data)
    except DecodeError:
        raise NetworkRefusal(f"failed to decode {kind.DESCRIPTOR.name}") from None


def encode(message: Message) -> bytes:
    """Encode a message as prost would."""
    return message.SerializeToString(deterministic=True)


def open_signed(envelope: types_pb2.SignedRequest, kind: type[B]) -> Signed[B]:
    """Check an envelope and read its body.

    Raises:
        NetworkRefusal: the format is not BINARY, the body is not canonical, or the signature is
            not one.
    """
    if envelope.format != types_pb2.BINARY:
        raise NetworkRefusal("failed to verify signature: invalid message format")
    body = decode(kind, envelope.body)
    encoded = encode(body)
    return Signed(_signer(encoded, envelope.signature), body, encoded)


def _signer(encoded: bytes, signature: bytes) -> Address:
    if len(signature) != SIGNATURE_SIZE or signature[-1] not in _BODY_V:
        raise NetworkRefusal("failed to verify signature: invalid signature")
    try:
        return recover(encoded, signature)
    except SignatureError:
        raise NetworkRefusal("failed to verify signature: invalid signature") from None
