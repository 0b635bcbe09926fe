"""A worker that does what no worker of ours does: hand in twice, too late, or nothing at all."""

import hashlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import grpc
import requests

from chaos.proofs import MODE, VERSION, mock, revealed_by
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.pb import worker_pb2
from sp1tee.wire.pb.worker_pb2_grpc import WorkersStub

_CALL_SECONDS: Final = 20.0
_CAPABILITY: Final = worker_pb2.Capability(version=VERSION, modes=[MODE.value], mock=True)  # type: ignore[list-item]
_LARGEST_INPUT: Final = 1 << 20
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Work:
    """A lease, and the honest proof of what was leased."""

    lease: worker_pb2.Lease
    proof: bytes = field(repr=False)
    values: bytes = field(repr=False)

    def finish(
        self, *, digest: bytes | None = None, token: bytes | None = None
    ) -> worker_pb2.FinishRequest:
        """Say that the proof was put."""
        revealed = hashlib.sha256(self.values).digest()
        return worker_pb2.FinishRequest(
            lease_id=self.lease.lease_id,
            lease_token=token or self.lease.lease_token,
            execution=worker_pb2.ExecutionReport(cycles=1000, public_values_hash=revealed),
            proof_sha256=digest or hashlib.sha256(self.proof).digest(),
            mock=True,
        )


class Rogue:
    """Its calls return what the server says: ``OK``, or the name of a status."""

    def __init__(self, url: str, token: str, name: str = "rogue") -> None:
        self._url = url
        self._bearer = f"Bearer {token}"
        self._metadata = (("authorization", self._bearer),)
        self._name = name
        self._channel = grpc.insecure_channel(urlsplit(url).netloc)
        self._stub = WorkersStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()

    def lease(self, seconds: float) -> Work | None:
        """Wait for a request, and make its proof."""
        ask = worker_pb2.LeaseRequest(
            worker=self._name, capabilities=[_CAPABILITY], wait_ms=int(seconds * 1000)
        )
        try:
            limit = seconds + _CALL_SECONDS
            reply = self._stub.Lease(ask, timeout=limit, metadata=self._metadata)
        except grpc.RpcError:
            return None
        return self._prepared(reply.lease) if reply.HasField("lease") else None

    def put(self, work: Work, proof: bytes | None = None) -> int:
        """Hand in a proof; returns the HTTP status."""
        place = f"{self._url}/proofs/{work.lease.lease_id}"
        return self._http("PUT", place, work.lease, work.proof if proof is None else proof)[0]

    def finish(self, request: worker_pb2.FinishRequest) -> str:
        """Let a proof count."""
        try:
            self._stub.Finish(request, timeout=_CALL_SECONDS, metadata=self._metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    def reads(self, work: Work) -> bool:
        """Tell whether the input of a lease can still be read; also if nobody answers."""
        status, _ = self._http("GET", self._input(work.lease), work.lease)
        return status not in _GONE

    def _prepared(self, lease: worker_pb2.Lease) -> Work | None:
        status, packed = self._http("GET", self._input(lease), lease)
        if status != requests.codes.ok:
            return None
        values = revealed_by(unpack(packed, _LARGEST_INPUT))
        return Work(lease, mock(values), values)

    def _input(self, lease: worker_pb2.Lease) -> str:
        return f"{self._url}/blobs/stdin/{lease.lease_id}"

    def _http(
        self, method: str, url: str, lease: worker_pb2.Lease, body: bytes | None = None
    ) -> tuple[int, bytes]:
        headers = {"authorization": self._bearer, "sp1tee-lease": lease.lease_token.hex()}
        try:
            answer = requests.request(
                method, url, data=body, headers=headers, timeout=_CALL_SECONDS
            )
        except requests.RequestException:
            return 0, b""
        return answer.status_code, answer.content
