"""Plain requests and replies between an ASGI server and the pages of this package.

It has nothing in common with `sp1tee.serve` on purpose: a stand-in that shares code with what it is
compared to shares its mistakes.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a page answers."""

    status: HTTPStatus
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request whose body has not been read yet."""

    scope: Scope = field(repr=False)
    receive: Receive = field(repr=False)

    @property
    def method(self) -> str:
        """``GET``, ``PUT`` and so on."""
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        """The path without its first slash, unquoted."""
        return str(self.scope["path"]).removeprefix("/")

    @property
    def peer(self) -> str:
        """The address the request comes from; empty if unknown."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters; of repeated ones the last."""
        return dict(parse_qsl(self.scope["query_string"].decode("latin-1")))

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name."""
        for key, value in self.scope["headers"]:
            if key == name.encode():
                return str(value.decode("latin-1"))
        return None

    async def read(self, limit: int) -> bytes | None:
        """Read the body; None if it is longer than `limit` or its sender went away."""
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > limit:
                return None
            if not message.get("more_body", False):
                return bytes(body)


async def send_reply(reply: Reply, send: Send) -> None:
    """Send a reply."""
    headers = {"content-length": str(len(reply.body)), **reply.headers}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})
