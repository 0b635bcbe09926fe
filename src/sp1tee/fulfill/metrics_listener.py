"""Where Prometheus reads a worker's figures, if the operator wants that.

It answers from threads of its own, so that it tells how a worker is whose event loop is stuck. It
has no token, since nothing that it says is private, and is meant for this machine's scraper.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from typing_extensions import override

from sp1tee.errors import ListenError
from sp1tee.hosts import split_address
from sp1tee.logs import get

_POLL_SECONDS: Final = 0.1
_IDLE_SECONDS: Final = 10.0

_log = get(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    @override
    def server_bind(self) -> None:
        # Not HTTPServer's, which asks DNS for this machine's name.
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away or send nonsense: they harm nobody."""


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _IDLE_SECONDS

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Log no request: one comes every few seconds."""


@contextmanager
def metrics_listener(address: str, registry: CollectorRegistry) -> Iterator[str]:
    """Answer at an address while the block runs; gives the page's URL.

    Args:
        address: ``host:port``; port 0 means any free one.
        registry: what to tell.

    Raises:
        ListenError: the address is taken, or not this machine's.
    """
    host, port = split_address(address)
    try:
        server = (_Server6 if ":" in host else _Server)((host, port), _Handler)
    except OSError as error:
        text = f"metrics_listen = {address} cannot be used: {error.strerror}."
        raise ListenError(text) from None
    server.set_app(make_wsgi_app(registry))
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="metrics", daemon=True)
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{server.server_port}/metrics"
    _log.info("metrics", url=url)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
