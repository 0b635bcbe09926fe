"""Calls with a stream of messages: health Watch and reflection. They may stay open for ever."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable
from typing import Any

from grpc import StatusCode

from sp1tee.serve.framing import frame
from sp1tee.serve.http import Event, Receive, Scope, Send
from sp1tee.serve.rpc_body import Disconnected, read_request, read_requests
from sp1tee.serve.rpc_context import StreamContext
from sp1tee.serve.rpc_method import Method
from sp1tee.serve.rpc_status import (
    DRAINING,
    START,
    TOO_MANY_STREAMS,
    Outcome,
    outcome_of,
    trailers_event,
)


class Streams:
    """The streaming calls that are open, no more than `most` at a time.

    For one more, the oldest of the connection with most of them ends: who opens them by the hundred
    keeps nobody out. They do not hold up a server that wants to stop: `end` ends them all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[asyncio.Task[Any], object] = {}
        self._ousted: set[asyncio.Task[Any]] = set()
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End all of them now and let no more in; clients are told UNAVAILABLE."""
        self._ending.set()
        for task in self._open:
            task.cancel()

    async def answer(
        self, method: Method, scope: Scope, receive: Receive, send: Send, encoding: bytes
    ) -> StatusCode:
        """Answer one call; return how it ended."""
        reply = _Reply(method, send)
        if self._ending.is_set():
            return await reply.end(DRAINING)
        if len(self._open) >= self._most:
            self._oust()
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = scope.get("client")
        try:
            return await reply.end(await _outcome(method, scope, receive, reply, encoding))
        except Disconnected:
            return StatusCode.CANCELLED
        except asyncio.CancelledError:
            if task not in self._ousted and not self._ending.is_set():
                raise
            task.uncancel()
            return await reply.end(TOO_MANY_STREAMS if task in self._ousted else DRAINING)
        finally:
            self._ousted.discard(task)
            self._open.pop(task, None)

    def _oust(self) -> None:
        """End the oldest call of the connection that has most."""
        greediest, _ = Counter(self._open.values()).most_common(1)[0]
        task = next(task for task, client in self._open.items() if client == greediest)
        del self._open[task]
        self._ousted.add(task)
        task.cancel()


class _Reply:
    """The replies of one call on their way out."""

    def __init__(self, method: Method, send: Send) -> None:
        self._method = method
        self._send = send
        self._begun = False

    async def write(self, message: Any) -> None:
        """Send one reply."""
        await self._begin()
        data = frame(self._method.encode(message))
        await self._put({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, outcome: Outcome) -> StatusCode:
        """Send the trailers; return the status they carry."""
        await self._begin()
        await self._put({"type": "http.response.body"})
        await self._put(trailers_event(outcome))
        return outcome.code

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._put(START)

    async def _put(self, event: Event) -> None:
        """Send; whatever the transport raises means that nobody is there any more."""
        try:
            await self._send(event)
        except Exception as error:
            raise Disconnected from error


async def _outcome(
    method: Method, scope: Scope, receive: Receive, reply: _Reply, encoding: bytes
) -> Outcome:
    requests = read_requests(receive, method, encoding)
    context = StreamContext(scope, requests, reply.write)
    try:
        first = requests if method.takes_stream else await read_request(receive, method, encoding)
        await _replies(method, method.call(first, context), reply)
    except Disconnected:
        raise
    except Exception as error:  # noqa: BLE001 - every call ends with a status
        return outcome_of(error, context, method.path)
    return Outcome(context.code(), context.details(), context.trailing_metadata())


async def _replies(method: Method, result: Any, reply: _Reply) -> None:
    """Send what a servicer gives: an iterator of replies, one reply, or those it wrote itself."""
    if isinstance(result, AsyncIterable):
        async for message in result:
            await reply.write(message)
        return
    message = await result
    if not method.gives_stream:
        await reply.write(message)
