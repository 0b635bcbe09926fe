"""One h2corn server on one socket: HTTP/1.1 and HTTP/2.

The public one is without TLS, which ends at the ingress; the workers' may have it.

Its limits are those of a server that faces the internet through a layer-4 ingress. What it could
limit but does not is the size of bodies, which the applications know better how to refuse. What it
cannot limit, a `Doorman` does: how long a head takes in all, and who has how many connections.
"""

import asyncio
import errno
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import h2corn

from sp1tee import logs
from sp1tee.errors import ListenError
from sp1tee.hosts import split_address
from sp1tee.serve.door.doorman import Closed, Doorman
from sp1tee.serve.door.limits import Limits
from sp1tee.serve.http import App

REQUEST_HEAD_BYTES: Final = 64 * 1024
WINDOW_BYTES: Final = 8 << 20
"""Window of an HTTP/2 upload: 70 MB/s at 100 ms; each slow upload may hold that much memory."""
RESPONSE_STALL_S: Final = 60.0
BODY_IDLE_S: Final = 60.0

_BACKLOG: Final = 1024
_log = logs.get(__name__)
_CUT_OFF_S: Final = 5.0
_SHORT_OF: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RUST_ERRNO: Final = re.compile(r"\(os error ([0-9]+)\)$")
_RECOVERY_S: Final = 1.0


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

    def __init__(
        self,
        bound: socket.socket,
        app: App,
        policies: tuple[Policy, ...] = (),
        limits: Limits | None = None,
        closed: Closed | None = None,
        *,
        tls: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare to serve; `tls` holds h2corn's options for it, without them it is in clear."""
        limits = Limits() if limits is None else limits
        self._socket = bound
        self._secure = tls is not None
        self._doorman = Doorman(bound, limits, closed or _unheard)
        app = self._doorman.visits.around(app)
        config = _config(bound, policies, limits, tls or {})
        self._made = partial(h2corn.Server, app, config)
        self._server = self._made()
        self._stopping = False
        self._watching: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The origin it can be reached at from this machine."""
        return url_of(self._socket, secure=self._secure)

    async def start(self) -> None:
        """Begin to serve; returns once connections are accepted."""
        self._serving = asyncio.create_task(self._serve(self._server))
        self._watching = asyncio.create_task(self._doorman.run())
        await self._server.wait_started()

    async def ended(self) -> None:
        """Wait until it serves no more; raises what made it stop."""
        assert self._watching is not None
        while True:
            serving = self._serving
            assert serving is not None
            await asyncio.wait([serving, self._watching], return_when=asyncio.FIRST_COMPLETED)
            if self._watching.done():
                return self._watching.result()
            if serving is self._serving:
                return serving.result()
            if serving.exception() is not None:
                _log.warning("requests did not end when they were cut off")

    async def renew(self) -> None:
        """Serve new connections with the certificates that the files hold now.

        Connections that are open end as in `stop`: their clients repeat what was cut off.
        """
        before, self._server = self._server, self._made()
        self._serving = asyncio.create_task(self._serve(self._server))
        await self._server.wait_started()
        before.shutdown()

    async def stop(self) -> None:
        """Send what was answered, close connections, cancel what is still in flight."""
        self._stopping = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        if self._serving is not None:
            self._server.shutdown()
            try:
                await self._serving
            except RuntimeError:
                _log.warning("requests did not end when they were cut off")
        self._socket.close()

    async def _serve(self, server: h2corn.Server) -> None:
        """Serve; when the machine is out of descriptors, cut off what is there and go on."""
        while not self._stopping:
            try:
                await server.serve()
            except OSError as error:
                number = _errno(error)
                if number not in _SHORT_OF:
                    raise
                _log.error("connections cannot be accepted", reason=os.strerror(number))
                await asyncio.sleep(_RECOVERY_S)
            else:
                return


def _errno(error: OSError) -> int:
    """Return an error's number, which the HTTP server tells in its text alone."""
    found = _RUST_ERRNO.search(str(error))
    return int(found[1]) if found else error.errno or 0


def url_of(bound: socket.socket, *, secure: bool = False) -> str:
    """Return the origin that a socket's listener can be reached at from this machine."""
    scheme = "https" if secure else "http"
    host, port = bound.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "::1" if address.version == 6 else "127.0.0.1"  # noqa: PLR2004 - IPv6
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


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


def _unheard(_reason: str, _connections: int) -> None:
    pass


def _config(
    bound: socket.socket, policies: tuple[Policy, ...], limits: Limits, tls: Mapping[str, Any]
) -> h2corn.Config:
    return h2corn.Config(
        **tls,
        **_names(limits),
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
        limit_connections=limits.connections,
        limit_request_head_size=REQUEST_HEAD_BYTES,
        h2_max_header_list_size=REQUEST_HEAD_BYTES,
        h2_max_header_block_size=REQUEST_HEAD_BYTES,
        timeout_request_body_idle=BODY_IDLE_S,
        # Who is still at work after the applications' own drain is cut off.
        timeout_graceful_shutdown=_CUT_OFF_S,
    )


def _names(limits: Limits) -> dict[str, Any]:
    """Say how trusted peers tell whose requests they pass on."""
    match limits.told_apart:
        case "forwarded":
            return {
                "proxy_headers": True,
                "forwarded_allow_ips": limits.trusted.texts(),
                "forwarded_fields": ("for",),
            }
        case "proxy-v1" | "proxy-v2":
            return {"proxy_protocol": limits.told_apart.removeprefix("proxy-")}
        case _:
            return {}


def _request_policy(policy: Policy) -> h2corn.RequestPolicy:
    return h2corn.RequestPolicy(
        path=policy.path,
        max_request_body_size=0,
        timeout_request_body_idle=policy.idle_s,
        h2_timeout_response_stall=RESPONSE_STALL_S,
    )
