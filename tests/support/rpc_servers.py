"""The same servicers under the bridge on h2corn, and under grpc.aio, which it can be replaced by."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import CoroutineType
from typing import Any

import grpc
from grpc import StatusCode, aio

from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.framing import CallError
from sp1tee.serve.listener import Listener, bind
from sp1tee.serve.rpc_body import decode
from sp1tee.serve.rpc_context import CallContext
from sp1tee.serve.rpc_method import Method
from sp1tee.serve.rpc_status import outcome_of

LIMIT = 4 << 20

Register = Callable[[Any], None]
"""Registers servicers with a server, as a generated ``add_…Servicer_to_server`` does."""


@asynccontextmanager
async def on_bridge(register: Register) -> AsyncIterator[str]:
    """Serve on h2corn through the bridge; yields the target to dial."""
    bridge = GrpcBridge(limit=LIMIT)
    register(bridge)
    listener = Listener(bind("listen", "127.0.0.1:0"), bridge)
    await listener.start()
    yield listener.url.removeprefix("http://")
    bridge.end_streams()
    await listener.stop()


@asynccontextmanager
async def on_grpc_aio(register: Register) -> AsyncIterator[str]:
    """Serve on grpc.aio, with the bridge's rules for what a servicer raises."""
    server = aio.server(
        interceptors=[_Statuses()], options=[("grpc.max_receive_message_length", LIMIT)]
    )
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


SERVERS: Mapping[str, Callable[[Register], Any]] = {"h2corn": on_bridge, "grpc.aio": on_grpc_aio}


class _Statuses(aio.ServerInterceptor):
    """Gives unary calls under grpc.aio the statuses that the bridge gives them."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or handler.response_streaming:
            return handler
        method = Method.of(handler_call_details.method, handler, LIMIT)

        async def answer(message: bytes, context: aio.ServicerContext[Any, Any]) -> bytes:
            try:
                reply = method.call(decode(method, message), context)
                reply = await reply if isinstance(reply, CoroutineType) else reply
            except aio.AbortError:
                raise
            except Exception as error:
                await _abort(error, context, method.path)
                raise
            return b"" if context.code() else method.encode(reply)

        return grpc.unary_unary_rpc_method_handler(answer)


async def _abort(error: Exception, context: aio.ServicerContext[Any, Any], path: str) -> None:
    ours = CallContext({})
    ours.set_trailing_metadata(context.trailing_metadata() or ())
    if context.code() and not isinstance(error, CallError):
        ours.set_code(StatusCode(context.code()))
        ours.set_details(context.details())
    outcome = outcome_of(error, ours, path)
    await context.abort(outcome.code, outcome.text, outcome.metadata)
