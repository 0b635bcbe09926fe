"""One h2corn server on one socket: HTTP/1.1 and HTTP/2 without TLS, which ends at the ingress.

Its limits are those of a server that faces the internet through a layer-4 ingress. What it could
limit but does not: the size of bodies, which the applications know better how to refuse, and the
total time of a slow request head, which it only limits per pause; hence the cap on connections.
"""

import asyncio
import ipaddress
import socket
import sys
from dataclasses import dataclass
from typing import Final

import h2corn

from sp1tee import logs
from sp1tee.errors import ListenError
from sp1tee.serve.http import App
from sp1tee.serve.settings import split_address

MAX_CONNECTIONS: Final = 2048
REQUEST_HEAD_BYTES: Final = 64 * 1024
WINDOW_BYTES: Final = 8 << 20
"""Window of an HTTP/2 upload: 70 MB/s at 100 ms; each slow upload may hold that much memory."""
RESPONSE_STALL_S: Final = 60.0
BODY_IDLE_S: Final = 60.0

_BACKLOG: Final = 1024
_log = logs.get(__name__)
_CUT_OFF_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How long bodies under a path may stand still; ``/*`` means everything.

    Attributes:
        path: exact, or ending in ``/*``.
        idle_s: seconds without a byte after which a request's body is given up; 0 for never.
    """

    path: str
    idle_s: float


class Listener:
    """A server on a bound socket, which it closes in the end."""

    def __init__(self, bound: socket.socket, app: App, policies: tuple[Policy, ...] = ()) -> None:
        self._socket = bound
        self._server = h2corn.Server(app, _config(bound, policies))
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The origin it can be reached at from this machine."""
        return url_of(self._socket)

    async def start(self) -> None:
        """Begin to serve; returns once connections are accepted."""
        self._serving = asyncio.create_task(self._server.serve())
        await self._server.wait_started()

    async def ended(self) -> None:
        """Wait until it serves no more; raises what made it stop."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def stop(self) -> None:
        """Send what was answered, close connections, cancel what is still in flight."""
        if self._serving is not None:
            self._server.shutdown()
            try:
                await self._serving
            except RuntimeError:
                _log.warning("requests did not end when they were cut off")
        self._socket.close()


def url_of(bound: socket.socket) -> str:
    """Return the origin that a socket's listener can be reached at from this machine."""
    host, port = bound.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "::1" if address.version == 6 else "127.0.0.1"  # noqa: PLR2004 - IPv6
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def bind(name: str, address: str) -> socket.socket:
    """Listen on an address; connections wait until a `Listener` serves them.

    Args:
        name: the setting it comes from, for the error.
        address: ``host:port``; port 0 means any free one.

    Raises:
        ListenError: it cannot be listened on.
    """
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise ListenError(f"{name} = {address} cannot be used: {error.strerror}.") from None
    return bound


def _config(bound: socket.socket, policies: tuple[Policy, ...]) -> h2corn.Config:
    return h2corn.Config(
        bind=(f"fd://{bound.fileno()}",),
        backlog=_BACKLOG,
        grpc=True,
        lifespan="off",
        access_log=False,
        log_format="text" if sys.stderr.isatty() else "json",
        max_request_body_size=0,
        request_policies=tuple(_request_policy(policy) for policy in policies),
        h2_initial_stream_window_size=WINDOW_BYTES,
        h2_initial_connection_window_size=WINDOW_BYTES,
        h2_timeout_response_stall=RESPONSE_STALL_S,
        limit_connections=MAX_CONNECTIONS,
        limit_request_head_size=REQUEST_HEAD_BYTES,
        h2_max_header_list_size=REQUEST_HEAD_BYTES,
        h2_max_header_block_size=REQUEST_HEAD_BYTES,
        timeout_request_body_idle=BODY_IDLE_S,
        # Who is still at work after the applications' own drain is cut off.
        timeout_graceful_shutdown=_CUT_OFF_S,
    )


def _request_policy(policy: Policy) -> h2corn.RequestPolicy:
    return h2corn.RequestPolicy(
        path=policy.path,
        max_request_body_size=0,
        timeout_request_body_idle=policy.idle_s,
        h2_timeout_response_stall=RESPONSE_STALL_S,
    )
