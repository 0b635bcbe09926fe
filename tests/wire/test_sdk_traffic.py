"""What the unmodified Rust SDK sent, in seven recordings, is understood to the last byte."""

import pytest
from support.wire_data import RECORDINGS, recorded_requests, recording

from sp1tee.errors import BincodeError, TruncatedArtifact
from sp1tee.wire.artifacts import is_zstd, unpack
from sp1tee.wire.dialect import Dialect, dialect_of
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.program import decode_program
from sp1tee.wire.signing import CREATE_ARTIFACT_TEXT, Signer, recover
from sp1tee.wire.stdin import Stdin, decode_stdin
from sp1tee.wire.versions import Family, parse_version

REQUESTER = Signer.from_bytes(b"\x11" * 32)
NONCE = 7

pytestmark = pytest.mark.parametrize("name", RECORDINGS)


def family(name: str) -> Family:
    return Family.V5 if name.startswith("5.") else Family.V6


def uploads(name: str) -> list[bytes]:
    """The recorded bodies: of the program only the beginning, then the whole input."""
    puts = recording(name)["puts"]
    return [bytes.fromhex(put["body"].removesuffix("…")) for put in puts]


def request_body(
    name: str,
) -> types_pb2.RequestProofRequestBody | auction_pb2.RequestProofRequestBody:
    (request,) = recorded_requests(name, "RequestProof")
    body = types_pb2.SignedRequest.FromString(request).body
    if dialect_of(body) is Dialect.AUCTION:
        return auction_pb2.RequestProofRequestBody.FromString(body)
    return types_pb2.RequestProofRequestBody.FromString(body)


@pytest.mark.parametrize("method", ["CreateProgram", "RequestProof"])
def test_signed_bodies_name_the_requester(name: str, method: str) -> None:
    (request,) = recorded_requests(name, method)
    envelope = types_pb2.SignedRequest.FromString(request)
    assert envelope.format == types_pb2.BINARY
    assert envelope.signature[-1] in (27, 28)
    assert recover(envelope.body, envelope.signature) == REQUESTER.address
    assert REQUESTER.sign(envelope.body) == envelope.signature


def test_each_create_artifact_names_the_requester_with_v_55(name: str) -> None:
    requests = recorded_requests(name, "CreateArtifact")
    decoded = [artifact_pb2.CreateArtifactRequest.FromString(request) for request in requests]
    private = artifact_pb2.PRIVATE_STDIN if "private" in name else artifact_pb2.STDIN
    assert [request.artifact_type for request in decoded] == [artifact_pb2.PROGRAM, private]
    for request in decoded:
        assert request.signature[-1] == 55
        assert request.signature == REQUESTER.sign_create_artifact()
        assert recover(CREATE_ARTIFACT_TEXT, request.signature) == REQUESTER.address


def test_the_requester_asks_for_its_own_nonce_and_uses_it(name: str) -> None:
    for request in recorded_requests(name, "GetNonce"):
        assert types_pb2.GetNonceRequest.FromString(request).address == REQUESTER.address
    assert request_body(name).nonce == NONCE


def test_request_bodies_are_read_without_unknown_fields(name: str) -> None:
    body = request_body(name)
    (request,) = recorded_requests(name, "RequestProof")
    assert body.SerializeToString() == types_pb2.SignedRequest.FromString(request).body
    body.DiscardUnknownFields()
    assert body.SerializeToString() == types_pb2.SignedRequest.FromString(request).body


def test_requests_ask_for_known_versions_and_modes(name: str) -> None:
    body = request_body(name)
    assert parse_version(body.version).family is family(name)
    expected = Mode.CORE if family(name) is Family.V5 else Mode.COMPRESSED
    assert Mode.from_wire(body.mode) is expected


def test_the_uploaded_input_is_read(name: str) -> None:
    number = 10 if family(name) is Family.V5 else 1000
    stdin = decode_stdin(unpack(uploads(name)[1], 1000))
    assert stdin == Stdin.of(number.to_bytes(4, "little"))


def test_the_uploaded_program_is_packed_as_its_family_packs_it(name: str) -> None:
    program, stdin = uploads(name)
    packed = family(name) is Family.V6
    assert is_zstd(program) is is_zstd(stdin) is packed
    with pytest.raises(TruncatedArtifact if packed else BincodeError):
        decode_program(unpack(program, 1 << 20), 1 << 20)
