"""Resolvers that answer whatever a test wants: over UDP and TCP, TLS, or HTTPS."""

import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.message
import trustme

from support.dns_zones import free_port

Respond = Callable[[bytes, str], bytes | None]
"""Makes an answer of a query and the transport that brought it; None: silence."""


@contextmanager
def resolver(respond: Respond, *, dripping: bool = False) -> Iterator[str]:
    """Serve over UDP and TCP, byte by byte if dripping, at one port; yields ``IP:PORT``."""
    port = free_port()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            answer = respond(data, "udp")
            if answer is not None:
                sock.sendto(answer, self.client_address)

    place = ("127.0.0.1", port)
    with (
        _Udp(place, Udp) as udp,
        _Tcp(place, _stream(respond, "tcp", dripping)) as tcp,
        _running(udp),
        _running(tcp),
    ):
        yield f"127.0.0.1:{port}"


@dataclass(frozen=True)
class Secure:
    """A resolver over TLS or HTTPS, and the CA that its certificate is of."""

    text: str
    ca: Path


@contextmanager
def tls_resolver(respond: Respond, folder: Path, *, dripping: bool = False) -> Iterator[Secure]:
    """Serve over TLS as ``dns.test`` and 127.0.0.1."""
    context, ca = _context(folder)
    with _Tls(("127.0.0.1", 0), _stream(respond, "tls", dripping)) as server:
        server.context = context
        with _running(server):
            yield Secure(f"tls://127.0.0.1:{server.server_address[1]}", ca)


@contextmanager
def https_resolver(
    respond: Respond, folder: Path, *, status: int = 200, media: str = "application/dns-message"
) -> Iterator[Secure]:
    """Serve over HTTPS."""
    context, ca = _context(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/dns-message"
            answer = respond(query, "https") or b""
            self.send_response(status)
            self.send_header("content-type", media)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with _running(server):
            yield Secure(f"https://127.0.0.1:{server.server_address[1]}/dns-query", ca)


def question(query: bytes) -> tuple[dns.message.Message, str, str]:
    """Read a query: the message, its name, its type."""
    message = dns.message.from_wire(query)
    asked = message.question[0]
    return message, asked.name.to_text(omit_final_dot=True), asked.rdtype.name


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose."""


class _Tls(_Tcp):
    context: ssl.SSLContext

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        sock.settimeout(5)
        return self.context.wrap_socket(sock, server_side=True), address


def _stream(
    respond: Respond, transport: str, dripping: bool
) -> type[socketserver.BaseRequestHandler]:
    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, struct.error):
                (size,) = struct.unpack("!H", self.rfile.read(2))
                answer = respond(self.rfile.read(size), transport)
                if answer is not None:
                    framed = struct.pack("!H", len(answer)) + answer
                    for byte in framed if dripping else ():
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.02)
                    self.wfile.write(b"" if dripping else framed)

    return Stream


def _context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("dns.test", "127.0.0.1").configure_cert(context)
    path = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return context, path


@contextmanager
def _running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
