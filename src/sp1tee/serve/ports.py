"""What every listener does with a request first: gRPC or HTTP?"""

from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.http import App, Receive, Scope, Send
from sp1tee.serve.http_app import HttpApp


def is_grpc(scope: Scope) -> bool:
    """Tell whether a request is a native gRPC call, by its content type."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind: bytes = value
            return kind == b"application/grpc" or kind.startswith(
                (b"application/grpc+", b"application/grpc;")
            )
    return False


def port(bridge: GrpcBridge, http: HttpApp) -> App:
    """Make the app of a port that takes both."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _close(receive, send)
        elif is_grpc(scope):
            await bridge(scope, receive, send)
        else:
            await http(scope, receive, send)

    return app


async def _close(receive: Receive, send: Send) -> None:
    """Refuse a WebSocket; nothing else can come here."""
    await receive()
    await send({"type": "websocket.close"})
