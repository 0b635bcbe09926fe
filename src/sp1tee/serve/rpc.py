"""Registering gRPC methods that take and return encoded messages.

grpcio's generated functions decode every request and encode every reply. Here a network's own bytes
must reach the SDK as they came, and a status is encoded once per change, not once per poll.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import grpc

Method = Callable[[bytes, "Context"], Awaitable[bytes]]
"""Takes an encoded request, returns an encoded reply, or raises a `Refusal`."""


class Context(Protocol):
    """What methods use of `grpc.aio.ServicerContext`."""

    def invocation_metadata(self) -> Any:
        """Return pairs of lower-case key and value."""

    def set_trailing_metadata(self, trailing_metadata: tuple[tuple[str, str], ...]) -> None:
        """Set what follows the reply."""


class Server(Protocol):
    """What registration uses of `grpc.aio.Server` and of the bridge."""

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:
        """Add handlers found by path."""

    def add_registered_method_handlers(self, service_name: str, method_handlers: Any) -> None:
        """Add the same handlers by name."""


def register(server: Server, service: str, methods: Mapping[str, Method]) -> None:
    """Register a service, as a generated ``add_…Servicer_to_server`` does."""
    handlers = {name: _handler(method) for name, method in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)


def _handler(method: Method) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        method, request_deserializer=_as_it_is, response_serializer=_as_it_is
    )


def _as_it_is(data: bytes) -> bytes:
    return data
