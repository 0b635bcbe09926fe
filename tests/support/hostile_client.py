"""A requester that may send anything: stock gRPC with bytes of its own, and bare sockets.

Everything is synchronous and talks to real processes; nothing here knows a server's inside.
"""

import contextlib
import hashlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import grpc
import h2.config
import h2.connection
import h2.events
import requests

from sp1tee import guests
from sp1tee.guests import Guest
from sp1tee.wire.artifacts import pack
from sp1tee.wire.pb import artifact_pb2, types_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family
from support.people import eventually

PATIENCE_S = 30.0
NETWORK = "/network.ProverNetwork"
CREATE_ARTIFACT = "/artifact.ArtifactStore/CreateArtifact"
VERSIONS = {Family.V5: "sp1-v5.0.0", Family.V6: "sp1-v6.1.0"}

Status = types_pb2.GetProofRequestStatusResponse


@dataclass
class Refused(Exception):  # noqa: N818 - it is an answer
    """A call that was answered with an error.

    Attributes:
        status: the name of the gRPC status.
        text: what the server says.
        code: the server's own code, from the trailing metadata.
    """

    status: str
    text: str
    code: str


@dataclass(frozen=True)
class Ended:
    """How a request ended.

    Attributes:
        reply: the last status.
        reason: the text beside it; empty without one.
    """

    reply: Status
    reason: str


@dataclass
class Requester:
    """One account at one server."""

    url: str
    signer: Signer
    channel: grpc.Channel = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.channel = grpc.insecure_channel(urlsplit(self.url).netloc)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()

    def call(self, path: str, message: bytes, *metadata: tuple[str, str]) -> bytes:
        """Send a message's bytes, whatever they are; raises `Refused`."""
        return self._call(path, message, metadata)[0]

    def ask(self, method: str, message: bytes) -> bytes:
        return self.call(f"{NETWORK}/{method}", message)

    def seal(self, body: bytes, **changes: Any) -> bytes:
        given = {"format": types_pb2.BINARY, "signature": self.signer.sign(body), "body": body}
        return types_pb2.SignedRequest(**(given | changes)).SerializeToString()

    def nonce(self) -> int:
        ask = types_pb2.GetNonceRequest(address=self.signer.address).SerializeToString()
        return types_pb2.GetNonceResponse.FromString(self.ask("GetNonce", ask)).nonce

    def place(self, kind: int) -> artifact_pb2.CreateArtifactResponse:
        signature = self.signer.sign_create_artifact()
        ask = artifact_pb2.CreateArtifactRequest(signature=signature, artifact_type=kind)
        answer = self.call(CREATE_ARTIFACT, ask.SerializeToString())
        return artifact_pb2.CreateArtifactResponse.FromString(answer)

    def upload(self, kind: int, data: bytes) -> str:
        placed = self.place(kind)
        answer = requests.put(placed.artifact_presigned_url, data=data, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return placed.artifact_uri

    def program_body(self, program: "Program", uri: str, **changes: Any) -> bytes:
        given = {"vk_hash": program.vk_hash, "vk": program.vk, "program_uri": uri}
        given |= {"nonce": self.nonce()} | changes
        return types_pb2.CreateProgramRequestBody(**given).SerializeToString()

    def register(self, program: "Program") -> None:
        uri = self.upload(artifact_pb2.PROGRAM, program.upload)
        self.ask("CreateProgram", self.seal(self.program_body(program, uri)))

    def body(self, program: "Program", stdin_uri: str, **changes: Any) -> bytes:
        """A RequestProof body in the base dialect."""
        given = {
            "nonce": self.nonce(),
            "vk_hash": program.vk_hash,
            "version": VERSIONS[program.family],
            "mode": types_pb2.CORE,
            "strategy": types_pb2.RESERVED,
            "stdin_uri": stdin_uri,
            "deadline": int(time.time()) + 600,
            "cycle_limit": 10_000_000,
            "gas_limit": 1_000_000_000,
        }
        return types_pb2.RequestProofRequestBody(**(given | changes)).SerializeToString()

    def send(self, body: bytes) -> bytes:
        """Sign a RequestProof body and send it; return the request's id."""
        answer = self.ask("RequestProof", self.seal(body))
        return types_pb2.RequestProofResponse.FromString(answer).body.request_id

    def request(self, program: "Program", stdin: bytes, **changes: Any) -> bytes:
        uri = self.upload(artifact_pb2.STDIN, stdin)
        return self.send(self.body(program, uri, **changes))

    def status(self, request_id: bytes) -> Ended:
        ask = types_pb2.GetProofRequestStatusRequest(request_id=request_id).SerializeToString()
        answer, notes = self._call(f"{NETWORK}/GetProofRequestStatus", ask, ())
        return Ended(Status.FromString(answer), unquote(notes.get("sp1tee-reason", "")))

    def end(self, request_id: bytes) -> Ended:
        """Wait until a request has ended."""

        def ended() -> Ended | None:
            now = self.status(request_id)
            over = now.reply.fulfillment_status in (types_pb2.FULFILLED, types_pb2.UNFULFILLABLE)
            return now if over else None

        return eventually(ended, "the end of a request")

    def _call(
        self, path: str, message: bytes, metadata: tuple[tuple[str, str], ...]
    ) -> tuple[bytes, dict[str, str]]:
        stub = self.channel.unary_unary(path)
        try:
            answer, call = stub.with_call(message, timeout=PATIENCE_S, metadata=metadata)
        except grpc.RpcError as error:
            notes = dict(error.trailing_metadata() or ())
            raise Refused(
                error.code().name, error.details(), notes.get("sp1tee-code", "")
            ) from None
        return answer, dict(call.trailing_metadata())


@dataclass(frozen=True)
class Program:
    """A program as a requester registers it."""

    family: Family
    vk_hash: bytes
    vk: bytes = field(repr=False)
    upload: bytes = field(repr=False)

    @classmethod
    def of(cls, guest: Guest) -> Self:
        """A guest with its real verifying key."""
        from sp1tee.wire.keys import vk_hash_v6

        assert guest.vk is not None
        upload = pack(encode_program(guest.elf), guest.family)
        return cls(guest.family, vk_hash_v6(guest.vk), guest.vk, upload)

    @classmethod
    def opaque(cls, elf: bytes, name: str) -> Self:
        """Any program under a v5 key, which nobody on the way can read."""
        vk = f"the v5 key of {name}".encode()
        return cls(Family.V5, b"\0" + hashlib.sha256(vk).digest()[1:], vk, encode_program(elf))


def solvency() -> tuple[Program, bytes, bytes]:
    """An innocent program, its input as it is uploaded, and what it reveals."""
    guest = guests.load("solvency", Family.V6)
    stdin = guests.solvency_input(1000, [400, 700])
    public = (1000).to_bytes(8, "little") + b"\x01"
    return Program.of(guest), pack(stdin.encode(), Family.V6), public


@dataclass(frozen=True)
class RawReply:
    """An answer over HTTP/2, headers and trailers together; a reset stream has no status."""

    headers: dict[str, str]
    body: bytes
    reset: int | None = None

    @property
    def grpc_status(self) -> int:
        return int(self.headers["grpc-status"])

    @property
    def text(self) -> str:
        return unquote(self.headers.get("grpc-message", ""))


def frame(message: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """A gRPC frame, whose flag and length may lie."""
    return struct.pack(">BI", flag, len(message) if length is None else length) + message


def post(url: str, path: str, body: bytes, **headers: str) -> RawReply:
    """Send a gRPC call's body as it is, over HTTP/2 with prior knowledge.

    Underscores in the names of `headers` stand for hyphens.
    """
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), PATIENCE_S) as line:
        return post_over(line, where.netloc, path, body, **headers)


def post_over(
    line: socket.socket, authority: str, path: str, body: bytes, **headers: str
) -> RawReply:
    """Send one call over a connection that nothing was sent on yet; see `post`."""
    scheme = "https" if isinstance(line, ssl.SSLSocket) else "http"
    fields = {":method": "POST", ":scheme": scheme, ":authority": authority, ":path": path}
    fields |= {"content-type": "application/grpc", "te": "trailers"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return _Exchange(line).run(list(fields.items()), body)


class _Exchange:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._headers: dict[str, str] = {}
        self._body = b""
        self._reset: int | None = None
        self._over = False

    def run(self, fields: list[tuple[str, str]], body: bytes) -> RawReply:
        self._h2.initiate_connection()
        self._h2.send_headers(1, fields)
        while body and not self._over:
            piece = min(self._h2.local_flow_control_window(1), self._h2.max_outbound_frame_size)
            if piece:
                self._h2.send_data(1, body[:piece])
                body = body[piece:]
                self._flush()
            else:
                self._read()
        if not self._over:
            self._h2.end_stream(1)
            self._flush()
        while not self._over:
            self._read()
        return RawReply(self._headers, self._body, self._reset)

    def _read(self) -> None:
        data = self._line.recv(65536)
        assert data, "the server closed the connection"
        for event in self._h2.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            pairs = event.headers or []
            self._headers |= {name.decode(): value.decode() for name, value in pairs}
        elif isinstance(event, h2.events.DataReceived):
            self._body += event.data or b""
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, 1)
        elif isinstance(event, h2.events.StreamReset):
            self._reset, self._over = int(event.error_code or 0), True
        elif isinstance(event, h2.events.StreamEnded):
            self._over = True

    def _flush(self) -> None:
        # A server that has seen enough may have hung up already; its answer is still to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._line.sendall(self._h2.data_to_send())


_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@contextlib.contextmanager
def upload_begun(presigned_url: str, length: int, beginning: bytes) -> Iterator[socket.socket]:
    """An upload over HTTP/1.1, which the server reads, that announces more than it has sent."""
    where = urlsplit(presigned_url)
    head = f"PUT {where.path}?{where.query} HTTP/1.1\r\nhost: {where.netloc}\r\n"
    asking = f"{head}content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    with socket.create_connection((where.hostname, where.port), PATIENCE_S) as line:
        line.sendall(asking.encode())
        # Without this, a line that is hung up at once may be looked at after the next one.
        assert line.recv(len(_CONTINUE), socket.MSG_WAITALL) == _CONTINUE
        line.sendall(beginning)
        yield line


def answer(line: socket.socket) -> tuple[int, str]:
    """Read an HTTP/1.1 answer until the server closes or has said all that it announced."""
    said = b""
    while piece := line.recv(65536):
        said += piece
        head, found, body = said.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            break
    return int(said.split()[1]), said.partition(b"\r\n\r\n")[2].decode(errors="replace")


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 1 << 62
