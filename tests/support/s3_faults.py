"""A way to an S3 server that fails on command."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from support.s3_server import S3Server

_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True)
class Asked:
    """A request of the vault's: its method, and the object's name or the listing's query."""

    method: str
    target: str


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int = 0
    """How much of the body is announced and never comes."""


Pass = Callable[[], Reply]
Fault = Callable[[Pass], Reply | None]
"""Gets a way to ask the real server; returns what the client hears, None if nothing ever."""


def answers(status: int) -> Fault:
    """Refuse without asking the server, with an error that tells what must not be repeated."""
    body = b"<Error><Code>Fault</Code><Message>CANARY AKIAEXAMPLE</Message></Error>"
    return lambda _: Reply(status, [("content-type", "application/xml")], body)


def loses(_: Pass) -> Reply:
    """Say that all is well, and store nothing."""
    return Reply(200, [("etag", '"0123456789abcdef0123456789abcdef"')], b"")


def garbles(ask: Pass) -> Reply:
    reply = ask()
    changed = bytes([reply.body[len(reply.body) // 2] ^ 1])
    middle = len(reply.body) // 2
    body = reply.body[:middle] + changed + reply.body[middle + 1 :]
    return Reply(reply.status, reply.headers, body)


def cuts(ask: Pass) -> Reply:
    """Break off in the middle of the body."""
    reply = ask()
    half = len(reply.body) // 2
    return Reply(reply.status, reply.headers, reply.body[:half], cut=len(reply.body) - half)


def says_nothing(_: Pass) -> None:
    return None


@dataclass
class Front:
    """Where the vault is sent. `fail` says what goes wrong from now on."""

    address: tuple[str, int]
    heard: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _fault: Fault | None = None
    _wanted: Callable[[Asked], bool] = bool
    _times: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def fail(
        self, fault: Fault | None, method: str = "", name: str = "", times: int | None = None
    ) -> None:
        """Have requests of a method that name something fail, so often or always."""
        with self._lock:
            self.heard.clear()
            self._fault, self._times = fault, times
            self._wanted = lambda asked: asked.method.startswith(method) and name in asked.target

    def due(self, asked: Asked) -> Fault | None:
        with self._lock:
            self.heard.append(asked)
            if self._fault is None or not self._wanted(asked) or self._times == 0:
                return None
            self._times = None if self._times is None else self._times - 1
            return self._fault


@contextmanager
def s3_front(server: S3Server) -> Iterator[Front]:
    """Stand before the server for as long as the block lasts."""
    listener = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    listener.daemon_threads = True
    front = Front(("127.0.0.1", listener.server_port))
    listener.RequestHandlerClass = partial(_Handler, server, front)  # type: ignore[assignment]
    serving = threading.Thread(target=listener.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield front
    finally:
        front.over.set()
        listener.shutdown()
        serving.join()
        listener.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: S3Server, front: Front, *args: object) -> None:
        self._real = server
        self._front = front
        super().__init__(*args)  # type: ignore[arg-type]

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fault = self._front.due(Asked(self.command, unquote(self.path)))
        ask = partial(self._ask, body)
        reply = ask() if fault is None else fault(ask)
        if reply is None:
            self._front.over.wait()
            self.close_connection = True
            return
        self._answer(reply)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the base's names

    def _ask(self, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(*self._real.address)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            got = connection.getresponse()
            headers = [(name, value) for name, value in got.getheaders()]
            return Reply(got.status, headers, got.read())
        finally:
            connection.close()

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body) + reply.cut))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = bool(reply.cut)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass
