"""Small helpers around ASGI: one HTTP request and its answer, seen by a handler."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from sp1tee.errors import Sp1teeError

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_QUERY_FIELDS: Final = 8
_LINGER_S: Final = 5.0
_LINGER_IDLE_S: Final = 1.0


class Gone(Exception):  # noqa: N818 - it is an event
    """The client went away; nobody is left to answer."""


class Exchange:
    """One request and the answer to it.

    Attributes:
        request_id: names it in logs and in the answer.
        parameters: what the path's placeholders stand for.
        about: the request for a proof that it is about, ``req_…``; empty until that is known.
        status: of the answer; 0 until it has begun.
        received: bytes of the request's body so far.
        sent: bytes of the answer's body so far.
    """

    __slots__ = (
        "_ended",
        "_receive",
        "_send",
        "about",
        "parameters",
        "received",
        "request_id",
        "scope",
        "sent",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._ended = False
        self.request_id = request_id
        self.about = ""
        self.parameters: Mapping[str, str] = {}
        self.status = 0
        self.received = 0
        self.sent = 0

    @property
    def method(self) -> str:
        """The request's method."""
        method: str = self.scope["method"]
        return method

    @property
    def names(self) -> dict[str, str]:
        """What every line of log about it carries."""
        about = {"request": self.about} if self.about else {}
        return {"request_id": self.request_id, **about}

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header, None without one."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    def query(self, name: str) -> str | None:
        """Return the value of a query field, None if it is not there exactly once."""
        try:
            text = self.scope["query_string"].decode("ascii")
            pairs = parse_qsl(text, max_num_fields=_QUERY_FIELDS)
        except ValueError:
            return None
        values = [value for key, value in pairs if key == name]
        return values[0] if len(values) == 1 else None

    async def read(self) -> bytes:
        """Return the next piece of the request's body, b"" at its end.

        Raises:
            Gone: the client went away, or what it sent breaks off.
        """
        while not self._ended:
            event = await self._receive()
            if event["type"] != "http.request":
                raise Gone
            self._ended = not event.get("more_body", False)
            if chunk := event.get("body", b""):
                self.received += len(chunk)
                return bytes(chunk)
        return b""

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the answer's head."""
        self.status = status
        own = (b"x-request-id", self.request_id.encode())
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, own]}
        )

    async def write(self, chunk: bytes, *, more: bool = True) -> None:
        """Send a piece of the answer's body; waits while the client is behind."""
        self.sent += len(chunk)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: bytes = b"text/plain; charset=utf-8",
        headers: Headers = (),
    ) -> None:
        """Send a whole answer."""
        await self._begin_whole(status, body, content_type, headers)
        await self.write(b"" if self.method == "HEAD" else body, more=False)

    async def answer_json(
        self, status: int, content: Mapping[str, Any], *, headers: Headers = ()
    ) -> None:
        """Send a whole answer as JSON."""
        body = json.dumps(content, separators=(",", ":")).encode()
        await self.answer(status, body, content_type=b"application/json", headers=headers)

    async def refuse(self, status: int, error: Sp1teeError, *, headers: Headers = ()) -> None:
        """Send an error, in the one form that all of this server's HTTP errors have."""
        content = {"code": error.code, "message": error.message, "advice": error.advice}
        body = json.dumps(content, separators=(",", ":")).encode()
        named = (b"sp1tee-code", error.code.encode())
        await self._begin_whole(status, body, b"application/json", [*headers, named])
        await self.write(b"" if self.method == "HEAD" else body)
        if self._still_sends and status != HTTPStatus.REQUEST_TIMEOUT:
            await pass_over(self._receive)
        await self.write(b"", more=False)

    @property
    def _still_sends(self) -> bool:
        """Whether more of the request may come; who asked first is told not to send it."""
        return not self._ended and (self.received > 0 or self.header(b"expect") is None)

    async def _begin_whole(
        self, status: int, body: bytes, content_type: bytes, headers: Headers
    ) -> None:
        length = (b"content-length", b"%d" % len(body))
        await self.begin(status, [(b"content-type", content_type), length, *headers])


async def pass_over(receive: Receive) -> None:
    """Read a request on to its end, while something comes and not for long.

    To close a stream on which a client still sends means to reset it, and whoever is reset while
    it sends, nginx above all, may drop the answer that came before (RFC 9112 §9.6).
    """
    more = True
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while more:
                async with asyncio.timeout(_LINGER_IDLE_S):
                    event = await receive()
                more = event.get("more_body", False)
