"""TLS servers on loopback, as well-behaved or as hostile as a test wants."""

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.scts import Issued

Serve = Callable[[ssl.SSLSocket, str], None]
"""Answers one connection, whose request asks for a path."""


def context_of(issued: Issued, *, alpn: tuple[str, ...] = ("http/1.1",)) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "all.pem")
        file.write_bytes(issued.key + issued.pem)
        context.load_cert_chain(file)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class TlsServer:
    """One listener; what it presents and serves can be changed while it runs."""

    def __init__(self, context: ssl.SSLContext, serve: Serve, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.context = context
        self.serve = serve
        self.address = address
        self.asked: list[str] = []
        self.names: list[str | None] = []
        self.connections = 0
        self._listener = socket.create_server((address, port), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._run, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._one, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _one(self, plain: socket.socket) -> None:
        self.connections += 1
        context = self.context
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        with plain, contextlib.suppress(OSError):
            plain.settimeout(20)
            with context.wrap_socket(plain, server_side=True) as secure:
                path = _path(secure)
                if path:
                    self.asked.append(path)
                    self.serve(secure, path)
                with contextlib.suppress(OSError, ValueError):  # it may be closed already
                    secure.unwrap()


@contextmanager
def tls_server(
    issued: Issued,
    serve: Serve,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    alpn: tuple[str, ...] = ("http/1.1",),
) -> Iterator[TlsServer]:
    server = TlsServer(context_of(issued, alpn=alpn), serve, address, port)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept TCP connections and do with them whatever a test wants; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def files(served: Mapping[str, bytes], base: str = "/evidences/") -> Serve:
    """Serve files of a directory; looks into `served` anew for each request."""

    def serve(secure: ssl.SSLSocket, path: str) -> None:
        name = path.removeprefix(base)
        if path.startswith(base) and name in served:
            secure.sendall(answer(served[name]))
        else:
            secure.sendall(answer(b"", "404 Not Found"))

    return serve


def always(data: bytes) -> Serve:
    """Send the same bytes whatever is asked."""

    def serve(secure: ssl.SSLSocket, path: str) -> None:
        secure.sendall(data)

    return serve


def _path(secure: ssl.SSLSocket) -> str:
    request = b""
    while b"\r\n\r\n" not in request:
        part = secure.recv(65536)
        if not part:
            return ""
        request += part
    return request.split(b" ", 2)[1].decode()
