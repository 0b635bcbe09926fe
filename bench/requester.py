"""A requester that prepares signed messages ahead, so that signing is not what gets measured."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import grpc
import requests

from sp1tee import guests
from sp1tee.wire.artifacts import pack
from sp1tee.wire.keys import vk_hash_v6
from sp1tee.wire.pb import artifact_pb2, artifact_pb2_grpc, network_pb2_grpc, types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

STATUS = "/network.ProverNetwork/GetProofRequestStatus"
REQUEST = "/network.ProverNetwork/RequestProof"
HOUR = 3600


class Requester:
    """Registers a guest, uploads one input, makes any number of requests of it."""

    def __init__(
        self,
        url: str,
        ca_file: str | None = None,
        guest: guests.Guest | None = None,
        stdin: Stdin | None = None,
    ) -> None:
        """By default it is `solvency`, with a small input."""
        self.target = urlsplit(url).netloc
        self.verify = ca_file or True
        self.signer = Signer.from_bytes(b"\x22" * 32)
        self.channel = grpc.insecure_channel(self.target)
        self.network = network_pb2_grpc.ProverNetworkStub(self.channel)
        self.artifacts = artifact_pb2_grpc.ArtifactStoreStub(self.channel)
        self.guest = guest or guests.load("solvency", Family.V6)
        self.input = stdin or Stdin.of((1000).to_bytes(8, "little"), bytes(range(64)))
        assert self.guest.vk is not None
        self.vk_hash = vk_hash_v6(self.guest.vk)

    def create(self, kind: artifact_pb2.ArtifactType) -> artifact_pb2.CreateArtifactResponse:
        signature = self.signer.sign_create_artifact()
        request = artifact_pb2.CreateArtifactRequest(signature=signature, artifact_type=kind)
        return self.artifacts.CreateArtifact(request)

    def upload(self, kind: artifact_pb2.ArtifactType, data: bytes) -> str:
        made = self.create(kind)
        requests.put(
            made.artifact_presigned_url, data=data, timeout=60, verify=self.verify
        ).raise_for_status()
        return made.artifact_uri

    def register(self) -> None:
        uri = self.upload(artifact_pb2.PROGRAM, pack(encode_program(self.guest.elf), Family.V6))
        body = types_pb2.CreateProgramRequestBody(
            nonce=self.nonce(), vk_hash=self.vk_hash, vk=self.guest.vk, program_uri=uri
        ).SerializeToString()
        self.network.CreateProgram(self.envelope(body))

    def stdin(self) -> str:
        return self.upload(artifact_pb2.STDIN, pack(self.input.encode(), Family.V6))

    def nonce(self) -> int:
        return self.network.GetNonce(types_pb2.GetNonceRequest(address=self.signer.address)).nonce

    def envelope(self, body: bytes) -> types_pb2.SignedRequest:
        signature = self.signer.sign(body)
        return types_pb2.SignedRequest(format=types_pb2.BINARY, signature=signature, body=body)

    def envelopes(
        self, count: int, *, mode: int = types_pb2.CORE
    ) -> Iterator[types_pb2.SignedRequest]:
        """Requests that differ in their cycle limit: none is taken for a retry of another."""
        uri, nonce = self.stdin(), self.nonce()
        for n in range(count):
            body = types_pb2.RequestProofRequestBody(
                nonce=nonce + n,
                vk_hash=self.vk_hash,
                version="sp1-v6.1.0",
                mode=mode,
                strategy=types_pb2.RESERVED,
                stdin_uri=uri,
                deadline=int(time.time()) + 4 * HOUR,
                cycle_limit=10_000_000 + n,
                gas_limit=1_000_000_000,
            )
            yield self.envelope(body.SerializeToString())

    def request(self) -> bytes:
        """One request; its id."""
        (envelope,) = self.envelopes(1)
        return self.ask(envelope)

    def ask(self, envelope: types_pb2.SignedRequest) -> bytes:
        return self.network.RequestProof(envelope).body.request_id

    def status_message(self, request_id: bytes) -> bytes:
        return types_pb2.GetProofRequestStatusRequest(request_id=request_id).SerializeToString()

    def status(self, request_id: bytes) -> types_pb2.GetProofRequestStatusResponse:
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        return self.network.GetProofRequestStatus(request)
