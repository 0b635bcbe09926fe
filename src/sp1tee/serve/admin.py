"""The queue as operators see it, under /admin/ on the worker listener."""

import time
from collections.abc import Callable
from typing import Final

from sp1tee import logs
from sp1tee.errors import HexError, NoSuchRequest, NotInThatState, StateConflict
from sp1tee.serve.admin_messages import attempt_fields, request_fields, wanted_of
from sp1tee.serve.http import Exchange
from sp1tee.serve.routes import Route
from sp1tee.store.records import RequestRecord
from sp1tee.store.requests import Requests
from sp1tee.wire.hexes import from_hex

_OK: Final = 200
_ID_SIZE: Final = 32
_log = logs.get(__name__)


class QueueAdmin:
    """Lists requests, shows one, tries one again, drops one."""

    def __init__(self, requests: Requests, clock: Callable[[], float] = time.time) -> None:
        self._requests = requests
        self._clock = clock

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where it answers."""
        return (
            Route("/admin/requests", {"GET": self.ls}),
            Route("/admin/requests/{request}", {"GET": self.show}),
            Route("/admin/requests/{request}/retry", {"POST": self.retry}),
            Route("/admin/requests/{request}/drop", {"POST": self.drop}),
        )

    async def ls(self, exchange: Exchange) -> None:
        """Answer GET: the requests that are wanted, oldest first, and how many there are."""
        found = await self._requests.find(wanted_of(exchange.query))
        counts = await self._requests.counts()
        content = {
            "requests": [request_fields(record, self._clock()) for record in found],
            "counts": {state.value: number for state, number in counts.items()},
        }
        await exchange.answer_json(_OK, content)

    async def show(self, exchange: Exchange) -> None:
        """Answer GET: one request with all its attempts."""
        await self._tell(exchange, await self._named(exchange))

    async def retry(self, exchange: Exchange) -> None:
        """Answer POST: a held request is queued again."""
        record = await self._named(exchange)
        try:
            record = await self._requests.retry(record.key)
        except StateConflict as error:
            raise NotInThatState(error.message, advice="Send the request again instead.") from None
        _log.info("retried by the operator", request=record.key)
        await self._tell(exchange, record)

    async def drop(self, exchange: Exchange) -> None:
        """Answer POST: a request without a proof ends, and its input is erased."""
        record = await self._named(exchange)
        try:
            record = await self._requests.drop(record.key)
        except StateConflict as error:
            raise NotInThatState(error.message, advice="There is nothing to do.") from None
        _log.info("dropped by the operator", request=record.key)
        await self._tell(exchange, record)

    async def _tell(self, exchange: Exchange, record: RequestRecord) -> None:
        tries = await self._requests.attempts(record.key)
        content = request_fields(record, self._clock())
        await exchange.answer_json(_OK, {**content, "tries": list(map(attempt_fields, tries))})

    async def _named(self, exchange: Exchange) -> RequestRecord:
        """Find a request by our own id or by the network's."""
        name = exchange.parameters["request"]
        record = await self._requests.by_key(name)
        if record is None and (request_id := _request_id(name)) is not None:
            record = await self._requests.get(request_id)
        if record is None:
            raise NoSuchRequest(
                "There is no such request here.", advice="`sp1tee queue ls` lists them."
            )
        return record


def _request_id(name: str) -> bytes | None:
    try:
        return from_hex(name, _ID_SIZE, "request id")
    except HexError:
        return None
