"""A real `sp1tee serve`, watched while it is sent anything."""

import contextlib
import json
import socket
import tempfile
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import grpc
import psutil
import requests

from sp1tee.sim.processes import LocalService
from sp1tee.wire.pb import types_pb2

TOKEN = b"a-token-that-workers-show-to-this-server"
ADMIN_TOKEN = b"a-token-that-operators-show-this-server"

GROWTH = 256 << 20
"""Bytes of resident memory that attacks may cost, in all: every buffer is bounded."""

_PATIENCE_S = 10.0
_NONCE = "/network.ProverNetwork/GetNonce"
_SEND_S = 1.0
_OPEN = 32
_HUNG_UP = frozenset(
    {
        "connection writer was closed",
        "stream channel was closed",
        "ASGI app returned before completing the response",
    }
)
"""What h2corn says, as an error, of clients that go before their answer, or a stream, has ended."""


class ServerHurtError(AssertionError):
    """The server is not as it was before.

    Attributes:
        suspects: what it was sent last.
    """

    def __init__(self, text: str, suspects: Iterable[bytes]) -> None:
        super().__init__(text)
        self.suspects = tuple(suspects)


class Server:
    """One server, and how it was at its start."""

    def __init__(self, service: LocalService, folder: Path) -> None:
        flags = []
        for whose, token in (("worker", TOKEN), ("admin", ADMIN_TOKEN)):
            path = folder / whose
            path.write_bytes(token)
            path.chmod(0o600)
            flags += [f"--{whose}-token-file", str(path)]
        self._process = service.serve(*flags, "--log-format", "json")
        self._seen = 0
        self._lines: deque[socket.socket] = deque()
        self._suspects: deque[bytes] = deque(maxlen=2 * _OPEN)
        self._check_honest()
        self._begin = self._memory()

    @classmethod
    def start(cls) -> tuple[Self, contextlib.ExitStack]:
        """Start one; it ends with the stack."""
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-")))
            service = stack.enter_context(LocalService(folder))
            server = cls(service, folder)
            stack.callback(server._hang_up_all)
            return server, stack.pop_all()
        raise AssertionError

    def send(self, data: bytes, *, worker: bool) -> None:
        """Send bytes over a connection of their own.

        It stays open until as many others came as may be open: answering takes time, and hanging
        up ends it.
        """
        self._suspects.append(data)
        self._hang_up_all(but=_OPEN - 1)
        url = self._process.worker_url if worker else self._process.public_url
        where = urlsplit(url)
        line = socket.create_connection((where.hostname, where.port or 0), _PATIENCE_S)
        line.settimeout(_SEND_S)
        self._lines.append(line)
        with contextlib.suppress(ConnectionError, TimeoutError):
            line.sendall(data)

    def _hang_up_all(self, *, but: int = 0) -> None:
        while len(self._lines) > but:
            self._hang_up(self._lines.popleft())

    @staticmethod
    def _hang_up(line: socket.socket) -> None:
        line.setblocking(False)
        with line, contextlib.suppress(ConnectionError, BlockingIOError):
            while line.recv(1 << 16):
                pass

    def check_log(self) -> None:
        """See that nothing happened that the server did not foresee."""
        with self._process.log.open("rb") as log:
            log.seek(self._seen)
            # A line may be being written.
            said = log.read().rpartition(b"\n")[0]
        self._seen += len(said)
        for line in said.splitlines():
            if _unforeseen(line):
                raise self._hurt(line.decode(errors="replace"))

    def check(self) -> None:
        """See that it lives, has not grown, and works for an honest client."""
        self.check_log()
        self._process.require()
        self._check_honest()
        grown = self._memory() - self._begin
        if grown > GROWTH:
            raise self._hurt(f"The server has grown by {grown >> 20} MiB.")

    def _hurt(self, text: str) -> ServerHurtError:
        return ServerHurtError(text, self._suspects)

    def _memory(self) -> int:
        return int(psutil.Process(self._process.popen.pid).memory_info().rss)

    def _check_honest(self) -> None:
        health = requests.get(f"{self._process.public_url}/health", timeout=_PATIENCE_S)
        live = requests.get(f"{self._process.worker_url}/health/live", timeout=_PATIENCE_S)
        if not (health.ok and live.ok):
            raise self._hurt("The server does not say that it is well.")
        with grpc.insecure_channel(urlsplit(self._process.public_url).netloc) as channel:
            message = types_pb2.GetNonceRequest(address=bytes(20)).SerializeToString()
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_NONCE)
            ask(message, timeout=_PATIENCE_S)


def _unforeseen(line: bytes) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return b"Traceback" in line
    return said.get("level") in {"error", "critical"} and said.get("detail") not in _HUNG_UP
