"""What a servicer is told about its call, and may say about the reply besides the message.

The part of `grpc.aio.ServicerContext` that servicers here use, so that they run under both.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from time import monotonic
from typing import Any, NoReturn

import grpc

from sp1tee.serve.framing import Pairs, metadata_of
from sp1tee.serve.http import Scope


class CallContext:
    """The context of one call; cheap to make, because every status poll makes one."""

    __slots__ = (
        "_callbacks",
        "_cancelled",
        "_code",
        "_deadline",
        "_details",
        "_scope",
        "_trailing",
    )

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._code: grpc.StatusCode = grpc.StatusCode.OK
        self._details = ""
        self._trailing: Pairs = ()
        self._deadline: float | None = None
        self._cancelled = False
        self._callbacks: list[Callable[[Any], None]] = []

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: Iterable[tuple[str, str | bytes]] = (),
    ) -> NoReturn:
        """End the call with a status; raises `grpc.aio.AbortError`."""
        self._code, self._details = code, details
        self._trailing = tuple(trailing_metadata) or self._trailing
        raise grpc.aio.AbortError

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the status; anything but OK means that no message is sent."""
        self._code = code

    def set_details(self, details: str) -> None:
        """Set the status message."""
        self._details = details

    def set_trailing_metadata(self, trailing_metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """Set what follows the reply."""
        self._trailing = tuple(trailing_metadata)

    def code(self) -> grpc.StatusCode:
        """Return the status as it stands."""
        return self._code

    def details(self) -> str:
        """Return the status message as it stands."""
        return self._details

    def trailing_metadata(self) -> Pairs:
        """Return what will follow the reply, as it stands."""
        return self._trailing

    def invocation_metadata(self) -> Pairs:
        """Return the client's metadata as pairs; values of ``-bin`` keys are bytes."""
        return metadata_of(self._scope["headers"])

    def peer(self) -> str:
        """Return who called, such as ``ipv4:192.0.2.1:4711``; behind an ingress, the ingress."""
        host, port = self._scope.get("client") or ("unknown", 0)
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    def time_remaining(self) -> float | None:
        """Return how many seconds the client will wait, None if it did not say."""
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have `callback(context)` called once the reply is on its way or cannot be sent."""
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        """Tell whether the client went away before the reply could be sent."""
        return self._cancelled

    def expect_reply_within(self, seconds: float) -> None:
        """Note the client's deadline; for the bridge."""
        self._deadline = monotonic() + seconds

    def finish(self, *, cancelled: bool) -> None:
        """Tell everybody who asked that the call is over; for the bridge."""
        self._cancelled = cancelled
        for callback in self._callbacks:
            callback(self)


class StreamContext(CallContext):
    """The context of a call with a stream of requests or replies."""

    __slots__ = ("_read", "_write")

    def __init__(
        self,
        scope: Scope,
        requests: AsyncIterator[Any],
        write: Callable[[Any], Awaitable[None]],
    ) -> None:
        super().__init__(scope)
        self._read = requests
        self._write = write

    async def read(self) -> Any:
        """Return the next request, or `grpc.aio.EOF`."""
        return await anext(self._read, grpc.aio.EOF)

    async def write(self, message: Any) -> None:
        """Send one reply."""
        await self._write(message)
