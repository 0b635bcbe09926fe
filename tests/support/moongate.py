"""A moongate without a GPU: its Twirp calls on a real socket, its messages in their real shapes.

What is opaque in a real answer is made up; what stands around it, program, input, public values and
the order of all of them, is as in SP1 v5.2.4 (crates/cuda, crates/prover/src/types.rs).
"""

import contextlib
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from sp1tee.wire.commitment import digests

PREFIX = "/twirp/api.ProverService/"
STARK_KEY = b"a proving key that only SP1 can read" * 7
CYCLES = struct.pack("<Q", 4321)

Answer = bytes | int | None


def byte_string(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def message(data: bytes) -> bytes:
    """Protobuf: field 1, length-delimited."""
    size, number = bytearray(), len(data)
    while number > 127:
        size.append(number & 127 | 128)
        number >>= 7
    return b"\x0a" + bytes(size) + bytes([number]) + data


def field_one(data: bytes) -> bytes:
    """Undo `message`, reading the length by itself."""
    assert data[0] == 0x0A
    size = shift = 0
    for at, byte in enumerate(data[1:], 1):
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            assert len(data) == at + 1 + size
            return data[at + 1 :]
    raise AssertionError("no length")


@dataclass
class MoongateStandIn:
    """Proves one program's runs; `script[method]` holds answers to give first.

    An answer is the whole body, an HTTP status, or None to hang up.
    """

    vk_hash: bytes
    public_values: bytes
    vk: bytes = b"a verifying key with its chips"
    script: dict[str, deque[Answer]] = field(default_factory=dict)
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    hold: Callable[[str], None] = lambda _: None
    url: str = ""

    def __enter__(self) -> Self:
        self._http = _listen(self)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def will(self, method: str, *answers: Answer) -> None:
        self.script.setdefault(method, deque()).extend(answers)

    def answer(self, method: str, body: bytes) -> Answer:
        self.calls.append((method, body))
        self.hold(method)
        if self.script.get(method):
            return self.script[method].popleft()
        made: Answer = getattr(self, f"_{method}")(body)
        return made

    def proving_key(self, program: bytes) -> bytes:
        return STARK_KEY + program + self.vk

    @property
    def shards(self) -> bytes:
        return struct.pack("<Q", 1) + b"a shard proof" + self._claims({42: 0})

    @property
    def reduced(self) -> bytes:
        words = struct.unpack(">8I", self.vk_hash)
        program = {190 + at: word for at, word in enumerate(words)}
        return b"a recursion proof" + self._claims({**program, 220: 1, 222: 0})

    def _claims(self, elements: dict[int, int]) -> bytes:
        vector = [0] * 231
        vector[:32] = digests(self.public_values)[0]
        for at, element in elements.items():
            vector[at] = element
        return struct.pack("<Q231I", 231, *vector)

    def _Ready(self, body: bytes) -> bytes:  # noqa: N802 - the method's own name
        assert body == b""
        return b"\x08\x01"

    def _Setup(self, body: bytes) -> bytes:  # noqa: N802
        return message(self.proving_key(field_one(body)) + self.vk)

    def _ProveCoreStateless(self, body: bytes) -> bytes:  # noqa: N802
        stdin = field_one(body).partition(STARK_KEY)[0]
        return message(self.shards + stdin + byte_string(self.public_values) + CYCLES)

    def _Compress(self, body: bytes) -> bytes:  # noqa: N802
        data = field_one(body)
        assert data.startswith(self.vk + self.shards)
        assert data.endswith(CYCLES + bytes(8))
        return message(self.reduced)


def _listen(stand_in: MoongateStandIn) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/protobuf"
            answer: Answer = 404
            if self.path.startswith(PREFIX):
                answer = stand_in.answer(self.path.removeprefix(PREFIX), body)
            if answer is None:
                self.close_connection = True
            elif isinstance(answer, int):
                self._reply(answer, b'{"code":"internal","msg":"a panic with a secret in it"}')
            else:
                self._reply(200, answer)

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return server
