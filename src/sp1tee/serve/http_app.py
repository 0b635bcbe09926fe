"""The HTTP half of a listener: routes, errors, access log."""

import math
from collections.abc import Callable
from time import perf_counter
from typing import Final

from sp1tee import logs
from sp1tee.errors import MethodNotAllowed, NoSuchPath, Refusal, Sp1teeError, TryLater
from sp1tee.serve.gate import Gate
from sp1tee.serve.http import Exchange, Gone, Headers, Receive, Scope, Send
from sp1tee.serve.http_status import INTERNAL, http_status
from sp1tee.serve.request_ids import RequestIds
from sp1tee.serve.routes import UNKNOWN, Route, find

Observer = Callable[[str, str, int, float], None]
"""Told of every request's template, method, status and seconds."""

METHODS: Final = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"})
_log = logs.get(__name__)


class HttpApp:
    """Answers HTTP requests by routes.

    An error that a handler raises before it has begun to answer is told as JSON with `code`,
    `message` and `advice`. Afterwards it breaks the connection off, so that nobody takes half an
    answer for a whole one.

    Args:
        gate: counts the requests in flight; once closed, new ones are told 503.
        observe: told of every request once it is over.
    """

    def __init__(self, routes: tuple[Route, ...], gate: Gate, observe: Observer) -> None:
        self._routes = routes
        self._gate = gate
        self._observe = observe
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send, self._ids.next())
        started = perf_counter()
        found = find(self._routes, scope["path"])
        route, exchange.parameters = found or (None, {})
        try:
            await self._answer(exchange, route)
        finally:
            self._record(exchange, route, perf_counter() - started)

    async def _answer(self, exchange: Exchange, route: Route | None) -> None:
        entered = self._gate.enter()
        try:
            if entered or (route and route.quiet):
                await _handle(exchange, route)
            else:
                await _turn_away(exchange)
        except Gone:
            _log.info("client went away", **exchange.names)
        except Exception as error:
            if not exchange.status:
                await _tell(exchange, error)
            elif isinstance(error, Sp1teeError):
                _log.warning("answer broken off", code=error.code, **exchange.names)
            else:
                raise
        finally:
            if entered:
                self._gate.leave()

    def _record(self, exchange: Exchange, route: Route | None, seconds: float) -> None:
        method = exchange.method if exchange.method in METHODS else "OTHER"
        template = route.template if route else UNKNOWN
        self._observe(template, method, exchange.status, seconds)
        log = _log.debug if route and route.quiet else _log.info
        log(
            "request",
            method=method,
            path=template,
            status=exchange.status,
            received=exchange.received,
            sent=exchange.sent,
            ms=round(seconds * 1000, 1),
            **exchange.names,
        )


async def _turn_away(exchange: Exchange) -> None:
    error = TryLater("The server is about to stop.", advice="Try again in a moment.")
    await exchange.refuse(http_status(error), error)


async def _handle(exchange: Exchange, route: Route | None) -> None:
    if route is None:
        raise NoSuchPath("There is nothing at this path.", advice="See docs/protocol.md.")
    handler = route.handlers.get(exchange.method)
    if handler is None:
        error = MethodNotAllowed(
            "This path does not take that method.", advice=f"Use {route.allowed.decode()}."
        )
        await exchange.refuse(http_status(error), error, headers=[(b"allow", route.allowed)])
        return
    await handler(exchange)


async def _tell(exchange: Exchange, error: Exception) -> None:
    """Answer with an error; what nobody foresaw is logged, not told."""
    if not isinstance(error, Sp1teeError) or http_status(error) == INTERNAL:
        _log.error("request failed", exc_info=error, **exchange.names)
        error = Sp1teeError(
            "The server failed on this request.",
            advice=f"Try again; its log says more about {exchange.request_id}.",
        )
    await exchange.refuse(http_status(error), error, headers=_retry_after(error))


def _retry_after(error: Sp1teeError) -> Headers:
    """Write when to try again (RFC 9110 §10.2.3), where the error says it."""
    if not isinstance(error, Refusal) or error.retry_after_s is None:
        return ()
    return ((b"retry-after", b"%d" % math.ceil(error.retry_after_s)),)
