"""A prover that only a requester sees: real sockets, recorded bytes, faults on demand."""

import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import grpc
import trustme
from google.protobuf.message import Message

from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2

REQUEST_ID = b"\x08" * 32
FAR = 4_000_000_000
ASSIGNED = types_pb2.GetProofRequestStatusResponse(
    fulfillment_status=types_pb2.ASSIGNED, execution_status=types_pb2.UNEXECUTED, deadline=FAR
)
TERMS = auction_pb2.GetProofRequestParamsResponse(
    domain=b"\x11" * 32,
    auctioneer=b"\x02" * 20,
    executor=b"\x03" * 20,
    verifier=b"\x04" * 20,
    treasury=b"\x05" * 20,
    max_price_per_pgu="200000",
    base_fee="0",
)
PROVERS = auction_pb2.GetProversByUptimeResponse(provers=[b"\x06" * 20])


@dataclass(frozen=True)
class Trouble:
    """A gRPC status instead of an answer."""

    status: grpc.StatusCode
    text: str = ""
    metadata: tuple[tuple[str, str | bytes], ...] = ()


@dataclass(frozen=True)
class Told:
    """An answer with trailing metadata."""

    message: Message
    reason: str
    code: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("sp1tee-reason", quote(self.reason)), ("sp1tee-code", self.code))


@dataclass(frozen=True)
class Call:
    """An RPC that came in."""

    method: str
    request: bytes
    metadata: dict[str, str]


@dataclass(frozen=True)
class Put:
    """An upload that came in whole."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Tls:
    """Listeners that show a certificate for localhost and want one in return."""

    authority: trustme.CA
    own: trustme.LeafCert

    @classmethod
    def new(cls) -> Self:
        authority = trustme.CA()
        return cls(authority, authority.issue_cert("localhost"))

    def wrap(self, socket: socket.socket) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.own.configure_cert(context)
        return context.wrap_socket(socket, server_side=True)

    def credentials(self) -> grpc.ServerCredentials:
        chain = b"".join(blob.bytes() for blob in self.own.cert_chain_pems)
        return grpc.ssl_server_credentials(
            [(self.own.private_key_pem.bytes(), chain)],
            self.authority.cert_pem.bytes(),
            require_client_auth=True,
        )


Answer = Message | Trouble | Told | bytes
PlaceHook = Callable[[str], str]


class ProverStandIn:
    """Answers every call as a stand-alone server would, unless told otherwise.

    `script[method]` holds answers to give first, one a call. `puts_answers` holds what to do with
    the next uploads: an HTTP status, or None to break the connection in the middle.
    """

    def __init__(self, tls: Tls | None = None) -> None:
        self._tls = tls
        self.calls: list[Call] = []
        self.puts: list[Put] = []
        self.script: dict[str, deque[Answer]] = defaultdict(deque)
        self.put_answers: deque[int | None] = deque()
        self.get_answers: deque[int | None] = deque()
        self.announce: deque[str] = deque()
        self.put_text = b"a body with a secret in it"
        self.reply_headers: dict[str, str] = {}
        self.place_hook: PlaceHook = lambda url: url
        self.nonce = 7
        self.registered = False
        self.proof = b""
        self.statuses: list[Answer] = []
        self._artifacts = 0
        self._events: dict[str, threading.Event] = defaultdict(threading.Event)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._http = _listen(self)
        if self._tls:
            self._http.socket = self._tls.wrap(self._http.socket)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self._grpc = grpc.server(
            ThreadPoolExecutor(4), handlers=[_AllMethods(self)], options=[("grpc.so_reuseport", 0)]
        )
        self.port = self._bind()
        self._grpc.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._grpc.stop(None).wait()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _bind(self) -> int:
        if self._tls:
            return self._grpc.add_secure_port("127.0.0.1:0", self._tls.credentials())
        return self._grpc.add_insecure_port("127.0.0.1:0")

    @property
    def _origin(self) -> str:
        return "https://localhost" if self._tls else "http://127.0.0.1"

    @property
    def url(self) -> str:
        return f"{self._origin}:{self.port}"

    @property
    def files_url(self) -> str:
        return f"{self._origin}:{self._http.server_address[1]}"

    def requests(self, method: str) -> list[bytes]:
        return [call.request for call in self.calls if call.method == method]

    @property
    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    def asked(self, method: str) -> threading.Event:
        """An event that is set once a method has been called."""
        with self._lock:
            event = self._events[method]
            if method in self.methods:
                event.set()
        return event

    def will(self, method: str, *answers: Answer) -> None:
        self.script[method].extend(answers)

    def fulfil(self, proof: bytes) -> None:
        """From now on say that the request has this proof."""
        self.proof = proof
        self.statuses = [
            types_pb2.GetProofRequestStatusResponse(
                fulfillment_status=types_pb2.FULFILLED,
                execution_status=types_pb2.EXECUTED,
                deadline=FAR,
                proof_uri=f"{self.files_url}/proof?secret=PROOFTOKEN",
            )
        ]

    def answer(self, method: str, request: bytes) -> Answer:
        with self._lock:
            self._events[method].set()
            if self.script[method]:
                return self.script[method].popleft()
            return getattr(self, f"_{method}")(request)

    def _GetProgram(self, _: bytes) -> Answer:  # noqa: N802 - the method's own name
        if self.registered:
            return types_pb2.GetProgramResponse()
        return Trouble(grpc.StatusCode.NOT_FOUND, "no such program")

    def _CreateArtifact(self, request: bytes) -> Answer:  # noqa: N802
        artifact_pb2.CreateArtifactRequest.FromString(request)
        self._artifacts += 1
        uri = f"{self.files_url}/artifacts/{self._artifacts}"
        return artifact_pb2.CreateArtifactResponse(
            artifact_uri=uri, artifact_presigned_url=self.place_hook(f"{uri}?token=UPLOADTOKEN")
        )

    def _GetNonce(self, _: bytes) -> Answer:  # noqa: N802
        return types_pb2.GetNonceResponse(nonce=self.nonce)

    def _CreateProgram(self, _: bytes) -> Answer:  # noqa: N802
        self.registered = True
        return types_pb2.CreateProgramResponse(tx_hash=bytes(32))

    def _RequestProof(self, _: bytes) -> Answer:  # noqa: N802
        body = types_pb2.RequestProofResponseBody(request_id=REQUEST_ID)
        return types_pb2.RequestProofResponse(tx_hash=bytes(32), body=body)

    def _GetProofRequestParams(self, _: bytes) -> Answer:  # noqa: N802
        return TERMS

    def _GetProversByUptime(self, _: bytes) -> Answer:  # noqa: N802
        return PROVERS

    def _GetProofRequestStatus(self, _: bytes) -> Answer:  # noqa: N802
        if not self.statuses:
            return ASSIGNED
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


class _AllMethods(grpc.GenericRpcHandler):
    def __init__(self, stand_in: ProverStandIn) -> None:
        self._stand_in = stand_in

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = details.method.rpartition("/")[2]

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = {m.key: m.value for m in context.invocation_metadata()}
            self._stand_in.calls.append(Call(method, request, metadata))
            answer = self._stand_in.answer(method, request)
            if isinstance(answer, Trouble):
                context.set_trailing_metadata(answer.metadata)
                context.abort(answer.status, answer.text)
            if isinstance(answer, Told):
                context.set_trailing_metadata(answer.metadata)
                answer = answer.message
            return answer if isinstance(answer, bytes) else answer.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(handle)


def _listen(stand_in: ProverStandIn) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            length = int(self.headers["content-length"])
            answer = stand_in.put_answers.popleft() if stand_in.put_answers else 200
            if answer is None:
                self.rfile.read(length // 2)
                self.close_connection = True
                return
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            if answer == 200:
                stand_in.puts.append(Put(self.path, headers, body))
            self._reply(answer, stand_in.put_text)

        def do_GET(self) -> None:
            answer = stand_in.get_answers.popleft() if stand_in.get_answers else 200
            if answer is None:
                self.close_connection = True
                return
            self._reply(answer, stand_in.proof)

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in stand_in.reply_headers.items():
                self.send_header(name, value)
            length = stand_in.announce.popleft() if stand_in.announce else str(len(body))
            self.send_header("content-length", length)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    return server
