"""Dialects and fingerprints of request bodies, told by their tags alone."""

import contextlib

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import recorded_requests, vectors

from sp1tee.errors import MalformedMessage
from sp1tee.wire.dialect import MAX_FIELDS, Dialect, Field, dialect_of, request_fingerprint, walk
from sp1tee.wire.pb import auction_pb2, types_pb2

BODIES = {
    m["name"]: bytes.fromhex(m["hex"])
    for m in vectors()["messages"]
    if m["name"].startswith("request_proof_body")
}
BASE = BODIES["request_proof_body_base_v5"]
SIGNER = bytes(20)

BASE_RECORDINGS = [
    *("5.2.4/default", "5.2.4/reserved"),
    *("6.10.0/hosted", "6.10.0/private-stdin", "6.10.0/reserved"),
]
AUCTION_RECORDINGS = ["5.2.4/mainnet", "6.10.0/mainnet"]


def recorded_body(name: str) -> bytes:
    (request,) = recorded_requests(name, "RequestProof")
    return bytes(types_pb2.SignedRequest.FromString(request).body)


@pytest.mark.parametrize("name", BODIES)
def test_golden_bodies_tell_their_dialect(name: str) -> None:
    assert dialect_of(BODIES[name]) == ("auction" if "auction" in name else "base")


@pytest.mark.parametrize("name", BASE_RECORDINGS)
def test_recorded_base_bodies_are_told(name: str) -> None:
    assert dialect_of(recorded_body(name)) is Dialect.BASE


@pytest.mark.parametrize("name", AUCTION_RECORDINGS)
def test_recorded_auction_bodies_are_told(name: str) -> None:
    assert dialect_of(recorded_body(name)) is Dialect.AUCTION


@pytest.mark.parametrize(
    ("fields", "dialect"),
    [
        ({}, Dialect.BASE),
        ({"stdin_private": True}, Dialect.AUCTION),
        ({"domain": b"d"}, Dialect.AUCTION),
        ({"base_fee": "0"}, Dialect.AUCTION),
        ({"variant": types_pb2.BID_VARIANT}, Dialect.AUCTION),
    ],
    ids=str,
)
def test_one_field_that_only_the_auction_has_is_enough(
    fields: dict[str, object], dialect: Dialect
) -> None:
    body = auction_pb2.RequestProofRequestBody(nonce=1, **fields)
    assert dialect_of(body.SerializeToString()) is dialect


def test_a_private_stdin_in_the_base_dialect_stays_base() -> None:
    body = types_pb2.RequestProofRequestBody(nonce=1, stdin_private=True)
    assert dialect_of(body.SerializeToString()) is Dialect.BASE


def test_walking_slices_the_signed_body_out_of_its_envelope() -> None:
    (request,) = recorded_requests("6.10.0/mainnet", "RequestProof")
    envelope = types_pb2.SignedRequest.FromString(request)
    assert list(walk(request)) == [
        Field(1, 0, b"\x01"),
        Field(2, 2, envelope.signature),
        Field(3, 2, envelope.body),
    ]


def test_fixed_width_fields_are_walked() -> None:
    assert list(walk(b"\x0d1234\x1112345678")) == [Field(1, 5, b"1234"), Field(2, 1, b"12345678")]


def test_a_retry_with_another_nonce_is_the_same_request() -> None:
    retry = types_pb2.RequestProofRequestBody.FromString(BASE)
    first = request_fingerprint(SIGNER, BASE)
    for nonce in (0, 8, 2**64 - 1):
        retry.nonce = nonce
        assert request_fingerprint(SIGNER, retry.SerializeToString()) == first


def test_another_signer_or_any_other_field_is_another_request() -> None:
    first = request_fingerprint(SIGNER, BASE)
    assert request_fingerprint(b"\x01" * 20, BASE) != first
    for field in types_pb2.RequestProofRequestBody.DESCRIPTOR.fields:
        if field.name == "nonce":
            continue
        changed = types_pb2.RequestProofRequestBody.FromString(BASE)
        changed.ClearField(field.name)
        if changed.SerializeToString() != BASE:
            assert request_fingerprint(SIGNER, changed.SerializeToString()) != first


BROKEN = {
    "a cut tag": b"\x80",
    "a cut varint": b"\x08\xff",
    "a tag of six bytes": b"\x88\x80\x80\x80\x80\x00\x01",
    "a varint of eleven bytes": b"\x08" + b"\x80" * 10 + b"\x01",
    "a field number of zero": b"\x00\x01",
    "a field number beyond the largest": b"\x80\x80\x80\x80\x20\x01",
    "a group": b"\x0b\x0c",
    "a wire type that does not exist": b"\x0f\x00",
    "a length beyond the end": b"\x12\x05ab",
    "eight bytes that are four": b"\x091234",
    "four bytes that are two": b"\x0d12",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_not_protobuf_is_refused(data: bytes) -> None:
    for read in (dialect_of, lambda d: list(walk(d)), lambda d: request_fingerprint(SIGNER, d)):
        with pytest.raises(MalformedMessage):
            read(data)


def test_a_message_of_endless_fields_is_refused() -> None:
    assert len(list(walk(b"\x08\x01" * MAX_FIELDS))) == MAX_FIELDS
    with pytest.raises(MalformedMessage, match="more than"):
        dialect_of(b"\x08\x01" * (MAX_FIELDS + 1))


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_walked_or_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert sum(len(field.payload) for field in walk(data)) <= len(data)
        dialect_of(data)


@given(st.binary(max_size=60))
def test_what_protobuf_refuses_is_refused_here_too(data: bytes) -> None:
    try:
        types_pb2.GetNonceRequest.FromString(data)
    except DecodeError:
        with pytest.raises(MalformedMessage):
            list(walk(data))
