"""Canonical encodings: what prost would not have written is refused, and nothing else happens."""

from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import key, vectors

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.strict import decode, encode, open_signed, peek
from sp1tee.wire.pb import auction_pb2, types_pb2

KINDS = [
    types_pb2.RequestProofRequestBody,
    types_pb2.FulfillProofRequestBody,
    types_pb2.FailFulfillmentRequestBody,
    types_pb2.SignedRequest,
    auction_pb2.RequestProofRequestBody,
    auction_pb2.FulfillProofRequestBody,
]


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(kind: type[Message], data: bytes):
    with suppress(NetworkRefusal):
        assert encode(decode(kind, data)) == data


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_can_be_peeked_at_or_are_refused(kind: type[Message], data: bytes):
    with suppress(NetworkRefusal):
        peek(kind, data)


@given(st.binary(max_size=100), st.binary(max_size=70), st.integers(0, 3))
def test_any_envelope_is_opened_or_refused(body: bytes, signature: bytes, form: int):
    envelope = types_pb2.SignedRequest(format=form, signature=signature, body=body)
    with suppress(NetworkRefusal):
        open_signed(envelope, types_pb2.FulfillProofRequestBody)


@given(
    st.integers(0, 2**64 - 1),
    st.binary(max_size=40),
    st.one_of(st.none(), st.sampled_from(list(types_pb2.ProofRequestError.values()))),
)
def test_what_a_real_encoder_makes_is_read_with_its_signer(
    nonce: int, request_id: bytes, error: int | None
):
    signer = key("test_key_1")
    body = types_pb2.FailFulfillmentRequestBody(nonce=nonce, request_id=request_id, error=error)
    encoded = body.SerializeToString()
    envelope = types_pb2.SignedRequest(
        format=types_pb2.BINARY, signature=signer.sign(encoded), body=encoded
    )
    signed = open_signed(envelope, types_pb2.FailFulfillmentRequestBody)
    assert (signed.signer, signed.body, signed.encoded) == (signer.address, body, encoded)


def test_a_present_zero_of_an_optional_field_is_kept():
    absent = types_pb2.FailFulfillmentRequestBody(nonce=1)
    zero = types_pb2.FailFulfillmentRequestBody(nonce=1, error=0)
    assert encode(absent) != encode(zero)
    for body in (absent, zero):
        assert decode(types_pb2.FailFulfillmentRequestBody, encode(body)) == body


MESSAGES = {
    "types.RequestProofRequestBody": types_pb2.RequestProofRequestBody,
    "types.FulfillProofRequestBody": types_pb2.FulfillProofRequestBody,
    "types.FailFulfillmentRequestBody": types_pb2.FailFulfillmentRequestBody,
    "types.CreateProgramRequestBody": types_pb2.CreateProgramRequestBody,
}


@pytest.mark.parametrize(
    "case",
    [c for c in vectors()["messages"] if c["message"] in MESSAGES and "base" in c["schema"]],
    ids=lambda case: case["name"],
)
def test_golden_encodings_are_canonical(case: dict[str, Any]):
    encoded = bytes.fromhex(case["hex"])
    assert encode(decode(MESSAGES[case["message"]], encoded)) == encoded
