"""A method of a gRPC service, as the bridge calls it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        path: ``/package.Service/Name``.
        call: the servicer's method: takes a request, or an iterator of them, and a context.
        read: decodes a request; None leaves it bytes.
        write: encodes a reply; None if it is bytes already.
        takes_stream: whether it takes a stream of requests.
        gives_stream: whether it gives a stream of replies.
        limit: the largest request message, in bytes.
    """

    path: str
    call: Callable[[Any, Any], Any]
    read: Callable[[bytes], Any] | None
    write: Callable[[Any], bytes] | None
    takes_stream: bool
    gives_stream: bool
    limit: int

    @classmethod
    def of(cls, path: str, handler: Any, limit: int) -> Self:
        """Make one of a `grpc.RpcMethodHandler`."""
        takes, gives = handler.request_streaming, handler.response_streaming
        kinds = (
            (handler.unary_unary, handler.unary_stream),
            (handler.stream_unary, handler.stream_stream),
        )
        return cls(
            path=path,
            call=kinds[takes][gives],
            read=handler.request_deserializer,
            write=handler.response_serializer,
            takes_stream=takes,
            gives_stream=gives,
            limit=limit,
        )

    @property
    def streaming(self) -> bool:
        """Whether it takes or gives a stream."""
        return self.takes_stream or self.gives_stream

    def encode(self, reply: Any) -> bytes:
        """Encode a reply."""
        return reply if self.write is None else self.write(reply)
