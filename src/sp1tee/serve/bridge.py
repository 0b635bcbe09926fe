"""gRPC over ASGI: runs ordinary grpcio servicers on an HTTP server that also takes uploads.

A reply is HEADERS, one DATA, TRAILERS; an error is HEADERS, an empty DATA, TRAILERS. The trailers
always come, since SDKs take a reply without them for a broken one; and they are never the only
headers, since some HTTP servers then add a frame that clients refuse.

The way of a unary call is kept short: every client polls its status every two seconds.
"""

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter
from types import CoroutineType
from typing import Any, Final

from grpc import StatusCode

from sp1tee import logs
from sp1tee.serve.about import named
from sp1tee.serve.framing import CallError, frame, timeout_of
from sp1tee.serve.gate import Gate
from sp1tee.serve.http import Event, Headers, Receive, Scope, Send, pass_over
from sp1tee.serve.request_ids import RequestIds
from sp1tee.serve.rpc_body import Disconnected, read_request
from sp1tee.serve.rpc_context import CallContext
from sp1tee.serve.rpc_method import Method
from sp1tee.serve.rpc_status import (
    DRAINING,
    NO_TRAILERS,
    OK_TRAILERS,
    START,
    UNKNOWN_METHOD,
    Outcome,
    outcome_of,
    send_outcome,
    trailers_event,
)
from sp1tee.serve.rpc_streams import Streams

MESSAGE_LIMIT: Final = 4 << 20
"""What gRPC's own servers take by default."""

MAX_STREAMS: Final = 256

Observer = Callable[[str, StatusCode, float], None]
"""Told of every call's path, status and seconds once it is over."""

_log = logs.get(__name__)


class GrpcBridge:
    """An ASGI app that answers the methods registered with it.

    It takes the place of a `grpc.aio.Server` in grpcio's generated ``add_…Servicer_to_server``.
    A `Refusal` that a servicer raises becomes its status, with its message, advice and code; any
    other exception becomes INTERNAL and stays in the log.

    Args:
        gate: counts the unary calls in flight; once closed, new ones are told UNAVAILABLE.
        limit: the largest request message, in bytes.
        limits: other limits, by method path.
        observe: told of every call to a known method.
    """

    def __init__(
        self,
        *,
        gate: Gate | None = None,
        limit: int = MESSAGE_LIMIT,
        limits: Mapping[str, int] | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._gate = Gate() if gate is None else gate
        self._limit = limit
        self._limits = limits or {}
        self._observe = observe or _nobody
        self._methods: dict[str, Method] = {}
        self._streams = Streams(MAX_STREAMS)
        self._ids = RequestIds()

    def add_generic_rpc_handlers(self, generic_rpc_handlers: object) -> None:
        """Accept what generated code says first; it says all of it again in the other call."""

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Any]
    ) -> None:
        """Register a service: a `grpc.RpcMethodHandler` for each of its methods."""
        for name, handler in method_handlers.items():
            path = f"/{service_name}/{name}"
            limit = self._limits.get(path, self._limit)
            self._methods[path] = Method.of(path, handler, limit)

    def knows(self, path: str) -> bool:
        """Tell whether there is such a method."""
        return path in self._methods

    def end_streams(self) -> None:
        """End the streaming calls, which a closed gate does not wait for."""
        self._streams.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        method = self._methods.get(scope["path"])
        if method is None:
            await _turn_away(scope, receive, send, UNKNOWN_METHOD)
        elif "http.response.trailers" not in scope["extensions"]:
            await _turn_away(scope, receive, send, NO_TRAILERS)
        elif method.streaming:
            await self._answer_stream(method, scope, receive, send)
        elif self._gate.enter():
            await self._answer(method, scope, receive, send)
        else:
            await _turn_away(scope, receive, send, DRAINING)

    async def _answer(self, method: Method, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        context = CallContext(scope)
        code = StatusCode.CANCELLED
        try:
            code = await _unary(method, context, scope, receive, send)
        finally:
            self._gate.leave()
            context.finish(cancelled=code is StatusCode.CANCELLED)
            self._record(method, scope, code, perf_counter() - started)

    async def _answer_stream(
        self, method: Method, scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = perf_counter()
        encoding, _ = _terms(scope["headers"])
        code = StatusCode.CANCELLED
        try:
            code = await self._streams.answer(method, scope, receive, send, encoding)
        finally:
            self._record(method, scope, code, perf_counter() - started)

    def _record(self, method: Method, scope: Scope, code: StatusCode, seconds: float) -> None:
        self._observe(method.path, code, seconds)
        # Calls that went well are counted, not logged: there are thousands of polls a second.
        if code is not StatusCode.OK:
            with named(scope["headers"]):
                _log.info(
                    "call",
                    method=method.path,
                    code=code.name,
                    ms=round(seconds * 1000, 1),
                    request_id=self._ids.next(),
                )


async def _turn_away(scope: Scope, receive: Receive, send: Send, outcome: Outcome) -> None:
    """Answer a call whose message nobody has read."""
    await pass_over(receive)
    await send_outcome(scope, send, outcome)


async def _unary(
    method: Method, context: CallContext, scope: Scope, receive: Receive, send: Send
) -> StatusCode:
    try:
        reply = await _reply(method, context, scope, receive)
    except Disconnected:
        return StatusCode.CANCELLED
    except Exception as error:  # noqa: BLE001 - every call ends with a status
        with named(scope["headers"]):
            outcome = outcome_of(error, context, method.path)
    else:
        if context.code() is StatusCode.OK:
            await send(START)
            await send({"type": "http.response.body", "body": frame(reply)})
            await send(_ok_trailers(context))
            return StatusCode.OK
        outcome = Outcome(context.code(), context.details(), context.trailing_metadata())
    await send_outcome(scope, send, outcome)
    return outcome.code


async def _reply(method: Method, context: CallContext, scope: Scope, receive: Receive) -> bytes:
    encoding, seconds = _terms(scope["headers"])
    request = await read_request(receive, method, encoding)
    if seconds is None:
        reply = method.call(request, context)
        if type(reply) is CoroutineType:
            reply = await reply
    else:
        context.expect_reply_within(seconds)
        reply = await _within(seconds, method, request, context)
    return method.encode(reply)


async def _within(seconds: float, method: Method, request: Any, context: CallContext) -> Any:
    try:
        async with asyncio.timeout(seconds) as deadline:
            reply = method.call(request, context)
            return await reply if type(reply) is CoroutineType else reply
    except TimeoutError:
        if not deadline.expired():
            raise
        raise CallError(
            StatusCode.DEADLINE_EXCEEDED, "The call's own deadline passed before its answer."
        ) from None


def _terms(headers: Headers) -> tuple[bytes, float | None]:
    """Read a call's encoding and its time limit in seconds."""
    encoding, seconds = b"", None
    for name, value in headers:
        if name == b"grpc-timeout":
            seconds = timeout_of(value)
        elif name == b"grpc-encoding":
            encoding = value
    return encoding, seconds


def _ok_trailers(context: CallContext) -> Event:
    if metadata := context.trailing_metadata():
        return trailers_event(Outcome(StatusCode.OK, metadata=metadata))
    return OK_TRAILERS


def _nobody(_path: str, _code: StatusCode, _seconds: float) -> None:
    pass
