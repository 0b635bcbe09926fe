"""SP1's SDK 5.2.4, rebuilt from its recordings: what it sends, and what it demands of an answer.

Its messages are the recorded ones. Only what depends on the server's answers, the clock and the
program is replaced, and then signed with the recorded key. Like the SDK, it opens a connection for
each call. Its demands are those of `network/client.rs` and `network/prover.rs` of sp1-sdk 5.2.4:
what they panic at or give up on is an AssertionError here.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from google.protobuf.message import Message
from support.hostile_client import PATIENCE_S, RawReply, frame, post
from support.people import eventually
from support.wire_data import recorded_requests, recording

from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2
from sp1tee.wire.signing import Signer

ARTIFACTS: Final = "artifact.ArtifactStore"
NETWORK: Final = "network.ProverNetwork"
USER_AGENT: Final = "tonic/0.12.3"
SIGNER: Final = Signer.from_bytes(b"\x11" * 32)
TIMEOUT_S: Final = 4 * 3600

NOT_FOUND: Final = 5
_PREFIX: Final = 5
_HASH: Final = 32
_ADDRESS: Final = 20
_U64: Final = 1 << 64
_STATUSES: Final = range(5)

M = TypeVar("M", bound=Message)
Body = types_pb2.RequestProofRequestBody | auction_pb2.RequestProofRequestBody
Status = types_pb2.GetProofRequestStatusResponse


@dataclass(frozen=True)
class Simulated:
    """A program as it is uploaded, and what the SDK finds out when it runs it."""

    upload: bytes = field(repr=False)
    cycles: int
    gas: int
    public_values: bytes


@dataclass
class Sdk5:
    """A `prove()` like a recorded one, of another program at another server.

    Attributes:
        name: the recording's.
        url: the server's.
        program: what is proved instead of the recorded program.
        sent: the methods called, in order.
    """

    name: str
    url: str
    program: Simulated
    sent: list[str] = field(default_factory=list)

    @property
    def auction(self) -> bool:
        return self.name.endswith("mainnet")

    def prove(self) -> bytes:
        """Do it all; return what was downloaded."""
        if self._call(NETWORK, "GetProgram", self._recorded("GetProgram")).grpc_status == NOT_FOUND:
            self._register()
        terms = self._terms() if self.auction else {}
        stdin = bytes.fromhex(recording(self.name)["puts"][1]["body"])
        uri = self._upload(artifact_pb2.STDIN, stdin)
        deadline = int(time.time()) + TIMEOUT_S
        nonce, provers = self._nonce(), self._provers() if self.auction else []
        request = proof_request(
            self.name,
            nonce=nonce,
            stdin_uri=uri,
            deadline=deadline,
            cycle_limit=self.program.cycles,
            gas_limit=self.program.gas,
            **terms,
            **self._simulated(),
            **({"whitelist": provers} if provers else {}),
        )
        return self._wait(self._request(request))

    def _simulated(self) -> Mapping[str, bytes]:
        digest = hashlib.sha256(self.program.public_values).digest()
        return {"public_values_hash": digest} if self.auction else {}

    def _register(self) -> None:
        uri = self._upload(artifact_pb2.PROGRAM, self.program.upload)
        request = program_request(self.name, nonce=self._nonce(), program_uri=uri)
        self._ask(NETWORK, "CreateProgram", request, types_pb2.CreateProgramResponse)

    def _upload(self, kind: int, data: bytes) -> str:
        request = self._recorded("CreateArtifact", kind - artifact_pb2.PROGRAM)
        assert artifact_pb2.CreateArtifactRequest.FromString(request).artifact_type == kind
        place = self._ask(ARTIFACTS, "CreateArtifact", request, artifact_pb2.CreateArtifactResponse)
        assert place.artifact_uri
        status, _ = transfer("PUT", place.artifact_presigned_url, data)
        assert status in range(200, 300)
        return place.artifact_uri

    def _nonce(self) -> int:
        request = self._recorded("GetNonce")
        return self._ask(NETWORK, "GetNonce", request, types_pb2.GetNonceResponse).nonce

    def _terms(self) -> Mapping[str, Any]:
        terms = self._ask(
            NETWORK,
            "GetProofRequestParams",
            self._recorded("GetProofRequestParams"),
            auction_pb2.GetProofRequestParamsResponse,
        )
        addresses = ("auctioneer", "executor", "verifier", "treasury")
        assert all(len(getattr(terms, name)) == _ADDRESS for name in addresses)
        numbers = ("max_price_per_pgu", "base_fee")
        assert all(0 <= int(getattr(terms, name)) < _U64 for name in numbers)
        return {name: getattr(terms, name) for name in ("domain", *addresses, *numbers)}

    def _provers(self) -> list[bytes]:
        reply = self._ask(
            NETWORK,
            "GetProversByUptime",
            self._recorded("GetProversByUptime"),
            auction_pb2.GetProversByUptimeResponse,
        )
        assert all(len(prover) == _ADDRESS for prover in reply.provers)
        return list(reply.provers)

    def _request(self, request: bytes) -> bytes:
        reply = self._ask(NETWORK, "RequestProof", request, types_pb2.RequestProofResponse)
        assert len(reply.tx_hash) == len(reply.body.request_id) == _HASH
        return reply.body.request_id

    def _wait(self, request_id: bytes) -> bytes:
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)

        def fulfilled() -> Status | None:
            status = self._ask(
                NETWORK, "GetProofRequestStatus", request.SerializeToString(), Status
            )
            assert status.fulfillment_status in _STATUSES
            assert status.deadline > time.time()
            assert status.execution_status != types_pb2.UNEXECUTABLE
            assert status.fulfillment_status != types_pb2.UNFULFILLABLE
            return status if status.fulfillment_status == types_pb2.FULFILLED else None

        uri = eventually(fulfilled, "a proof for SDK 5").proof_uri
        assert uri
        status, proof = transfer("GET", uri)
        assert status in range(200, 300)
        return proof

    def _recorded(self, method: str, which: int = 0) -> bytes:
        return recorded_requests(self.name, method)[which]

    def _ask(self, service: str, method: str, message: bytes, reply: type[M]) -> M:
        answer = self._call(service, method, message)
        assert answer.grpc_status == 0, answer.text
        assert frame(answer.body[_PREFIX:]) == answer.body
        return reply.FromString(answer.body[_PREFIX:])

    def _call(self, service: str, method: str, message: bytes) -> RawReply:
        self.sent.append(method)
        path = f"/{service}/{method}"
        return post(self.url, path, frame(message), user_agent=USER_AGENT)


def program_request(name: str, **changes: Any) -> bytes:
    """The recorded CreateProgram with other values in its body."""
    [recorded] = recorded_requests(name, "CreateProgram")
    return _signed(recorded, types_pb2.CreateProgramRequestBody(), changes)


def proof_request(name: str, **changes: Any) -> bytes:
    """The recorded RequestProof with other values in its body."""
    [recorded] = recorded_requests(name, "RequestProof")
    module = auction_pb2 if name.endswith("mainnet") else types_pb2
    return _signed(recorded, module.RequestProofRequestBody(), changes)


def _signed(recorded: bytes, body: Message, changes: Mapping[str, Any]) -> bytes:
    envelope = types_pb2.SignedRequest.FromString(recorded)
    body.ParseFromString(envelope.body)
    for name in changes:
        body.ClearField(name)
    body.MergeFrom(type(body)(**changes))
    envelope.body = body.SerializeToString()
    envelope.signature = SIGNER.sign(envelope.body)
    return envelope.SerializeToString()


def transfer(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """A PUT or GET over HTTP/1.1 with the headers that were recorded, and no others."""
    where = urlsplit(url)
    line = HTTPConnection(where.netloc, timeout=PATIENCE_S)
    line.putrequest(method, f"{where.path}?{where.query}", skip_accept_encoding=True)
    line.putheader("accept", "*/*")
    if body is not None:
        line.putheader("content-length", str(len(body)))
    line.endheaders(body)
    answer = line.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        line.close()
