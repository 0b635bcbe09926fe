"""The one connection to the upstream network."""

import time
from collections.abc import Callable, Sequence

import grpc
import grpc.aio

from sp1tee.errors import UpstreamError
from sp1tee.logs import get

SERVICE = "network.ProverNetwork"
ARTIFACTS = "artifact.ArtifactStore"

CALL_TIMEOUT_S = 30.0
"""An SDK waits 60 s for this server, and 5.x gives up for good then: be back before."""

Answered = Callable[[str, str], None]
"""Told of the method and the status of a call that is over."""

_log = get(__name__)

# Pings only while a call is open: servers count pings on idle connections as abuse. gRPC itself
# reconnects, with growing pauses.
_OPTIONS: Sequence[tuple[str, int | str]] = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 20_000),
    # Or else channels of one process share their connections, and their waits to reconnect.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.primary_user_agent", "sp1tee"),
)


class Upstream:
    """Calls the upstream network with encoded messages and returns its encoded answers.

    Make it inside the event loop that it is used in.

    Args:
        url: ``https://host[:port]`` or, without TLS, ``http://host[:port]``.
        roots: PEM certificates to trust instead of the public ones.
        answered: told of the method and the status of every call.
    """

    def __init__(
        self, url: str, *, roots: bytes | None = None, answered: Answered | None = None
    ) -> None:
        self._answered = answered or _nobody
        scheme, _, target = url.partition("://")
        self._channel = (
            grpc.aio.insecure_channel(_with_port(target, 80), options=_OPTIONS)
            if scheme == "http"
            else grpc.aio.secure_channel(
                _with_port(target, 443), grpc.ssl_channel_credentials(roots), options=_OPTIONS
            )
        )
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def call(
        self,
        method: str,
        request: bytes,
        *,
        service: str = SERVICE,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> bytes:
        """Call a method.

        Raises:
            UpstreamError: it failed; carries the status and the text the network gave, or
                UNAVAILABLE if it cannot be reached.
        """
        path = f"/{service}/{method}"
        started = time.monotonic()
        try:
            answer = await self._callable(path)(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            status = error.code().name
            self._answered(method, status)
            _log.debug(
                "upstream_refused",
                method=method,
                status=status,
                seconds=round(time.monotonic() - started, 3),
            )
            raise UpstreamError(_text(error), status=status) from None
        self._answered(method, grpc.StatusCode.OK.name)
        return answer

    async def reachable(self) -> bool:
        """Tell whether the network can be connected to now."""
        state = self._channel.get_state(try_to_connect=True)
        return state in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.IDLE)

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
        await self._channel.close()

    def _callable(self, path: str) -> "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]":
        known = self._calls.get(path)
        if known is None:
            known = self._calls[path] = self._channel.unary_unary(path)
        return known


def _nobody(_method: str, _status: str) -> None:
    pass


def _text(error: grpc.aio.AioRpcError) -> str:
    """Return the network's own words; gRPC's about a broken connection name inner addresses."""
    text = error.details() or error.code().name
    ours = any(mark in text for mark in ("failed to connect", "ipv4:", "ipv6:", "unix:"))
    return "The upstream network cannot be reached." if ours else text


def _with_port(target: str, port: int) -> str:
    host, _, _ = target.partition("/")
    after_host = host.rpartition("]")[2]
    return host if ":" in after_host else f"{host}:{port}"
