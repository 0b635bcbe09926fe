"""Pages for whoever drives the simulator from another process, on loopback only.

``GET /faults`` lists the faults in force, ``POST /faults`` injects one (JSON, see
`sp1tee.sim.network.faults`), ``DELETE /faults`` lifts all, ``GET /ledger`` returns the ledger.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol

from pydantic import ValidationError

from sp1tee.errors import NetworkRefusal
from sp1tee.sim.network.faults import FAULT, CallFault, Fault
from sp1tee.sim.network.http import Exchange, Reply
from sp1tee.sim.network.ledger import Ledger

_MAX_FAULT_BYTES = 1 << 16

Page = Callable[[Exchange], Awaitable[Reply]]


class Driven(Protocol):
    """What the pages need of the simulator."""

    @property
    def ledger(self) -> Ledger:
        """What happened."""

    @property
    def faults(self) -> tuple[CallFault, ...]:
        """What goes wrong with calls."""

    async def inject(self, fault: Fault) -> None:
        """Make something go wrong."""

    async def lift(self) -> None:
        """End all faults."""


class AdminPages:
    """Answers requests that drive the simulator."""

    def __init__(self, driven: Driven) -> None:
        self._driven = driven
        self._pages: dict[tuple[str, str], Page] = {
            ("GET", "faults"): self._list,
            ("POST", "faults"): self._inject,
            ("DELETE", "faults"): self._lift,
            ("GET", "ledger"): self._ledger,
        }

    async def answer(self, exchange: Exchange) -> Reply:
        """Answer a request, to a peer on this machine only."""
        if not _is_loopback(exchange.peer):
            return Reply(HTTPStatus.FORBIDDEN)
        page = self._pages.get((exchange.method, exchange.path))
        return await page(exchange) if page else Reply(HTTPStatus.NOT_FOUND)

    async def _list(self, _: Exchange) -> Reply:
        return _json([fault.model_dump(mode="json") for fault in self._driven.faults])

    async def _inject(self, exchange: Exchange) -> Reply:
        try:
            fault = FAULT.validate_json(await exchange.read(_MAX_FAULT_BYTES) or b"")
            await self._driven.inject(fault)
        except ValidationError as error:
            problems = [{"at": list(e["loc"]), "problem": e["msg"]} for e in error.errors()]
            return _json(problems, HTTPStatus.BAD_REQUEST)
        except NetworkRefusal as refusal:
            return _json([{"problem": refusal.message}], HTTPStatus.CONFLICT)
        return Reply(HTTPStatus.NO_CONTENT)

    async def _lift(self, _: Exchange) -> Reply:
        await self._driven.lift()
        return Reply(HTTPStatus.NO_CONTENT)

    async def _ledger(self, _: Exchange) -> Reply:
        return Reply(
            HTTPStatus.OK, self._driven.ledger.to_json(), {"content-type": "application/json"}
        )


def _json(value: object, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"content-type": "application/json"})


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
