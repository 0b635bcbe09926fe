"""The generated messages give the golden encodings, byte for byte, in both directions."""

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from support.wire_data import vectors

from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.signing import keccak256

Case = dict[str, Any]
MESSAGES = {case["name"]: case for case in vectors()["messages"]}
ENVELOPES = ("RequestProofRequest", "FulfillProofRequest")


def message_class(case: Case) -> type[Message]:
    name = case["message"].removeprefix("types.")
    if name in ENVELOPES:
        return types_pb2.SignedRequest
    module = auction_pb2 if "auction" in case["schema"].split("/")[0] else types_pb2
    found: type[Message] = getattr(module, name)
    return found


def fill(message: Message, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.type == FieldDescriptor.TYPE_MESSAGE and value is not None:
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)
        elif isinstance(value, list):
            getattr(message, name).extend(bytes.fromhex(item) for item in value)
        elif value is not None:
            setattr(message, name, scalar(field, value))


def scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.type != FieldDescriptor.TYPE_BYTES:
        return value
    return bytes.fromhex(MESSAGES[value]["hex"] if value in MESSAGES else value)


@pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES)
def test_a_golden_message_is_written_byte_for_byte(case: Case) -> None:
    message = message_class(case)()
    fill(message, case["fields"])
    assert message.SerializeToString().hex() == case["hex"]


@pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES)
def test_a_golden_message_is_read_and_leaves_as_it_came(case: Case) -> None:
    data = bytes.fromhex(case["hex"])
    message = message_class(case).FromString(data)
    assert message.SerializeToString() == data
    expected = message_class(case)()
    fill(expected, case["fields"])
    assert message == expected


@pytest.mark.parametrize("case", vectors()["create_artifact_signatures"]["cases"])
def test_create_artifact_is_encoded_as_the_sdk_encodes_it(case: Case) -> None:
    request = artifact_pb2.CreateArtifactRequest(
        signature=bytes.fromhex(case["sdk_signature"]), artifact_type=artifact_pb2.STDIN
    )
    assert request.SerializeToString().hex() == case["create_artifact_request_stdin_hex"]


def test_an_auction_body_keeps_its_bytes_where_the_base_schema_reads_it_too() -> None:
    # Reading with the wrong schema does not fail; that is why the tags decide beforehand.
    body = bytes.fromhex(MESSAGES["request_proof_body_auction_v6"]["hex"])
    misread = types_pb2.RequestProofRequestBody.FromString(body)
    assert misread.stdin_private is False
    assert auction_pb2.RequestProofRequestBody.FromString(body).domain == b"\xd0" * 32


def test_the_domain_is_the_eip_712_separator_of_its_network() -> None:
    known = vectors()["domain_separators"]
    for name, chain in (("SPN_MAINNET_V1_DOMAIN", 1), ("SPN_SEPOLIA_V1_DOMAIN", 11155111)):
        kind = "EIP712Domain(string name,string version,uint256 chainId)"
        texts = (kind, "Succinct Prover Network", "1.0.0")
        parts = [keccak256(text.encode()) for text in texts] + [chain.to_bytes(32, "big")]
        assert keccak256(*parts).hex() == known[f"{name} (chain {chain})"]
