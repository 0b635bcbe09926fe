"""Is this server alive, and can it work? For load balancers, containers and people."""

import time
from collections.abc import Callable
from typing import Any, Final

from sp1tee.errors import Sp1teeError
from sp1tee.serve.gate import Gate
from sp1tee.serve.http import Exchange
from sp1tee.serve.network import Network
from sp1tee.serve.registry import Registry, Seen
from sp1tee.store.store import Store

PUBLIC_ROUTE: Final = "/health"
LIVE_ROUTE: Final = "/health/live"
READY_ROUTE: Final = "/health/ready"

_OK: Final = 200
_NOT_READY: Final = 503
_LOOK_AGAIN_S: Final = 1.0
_SHOWN_WORKERS: Final = 100


class Health:
    """Answers the health paths.

    `ready` proves that the store can be written, so it looks at most once a second.
    """

    def __init__(
        self,
        gate: Gate,
        store: Store,
        network: Network,
        registry: Registry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._store = store
        self._network = network
        self._registry = registry
        self._clock = clock
        self._looked = float("-inf")
        self._found: dict[str, Any] = {}

    async def get_public(self, exchange: Exchange) -> None:
        """Answer with nothing but whether requests are taken."""
        if self._gate.closed:
            await exchange.answer_json(_NOT_READY, {"status": "draining"})
        else:
            await exchange.answer_json(_OK, {"status": "ok"})

    async def get_live(self, exchange: Exchange) -> None:
        """Answer that the process answers."""
        await exchange.answer_json(_OK, {"status": "ok"})

    async def get_ready(self, exchange: Exchange) -> None:
        """Answer what works, and what is going on."""
        if self._clock() - self._looked >= _LOOK_AGAIN_S:
            self._found = await self._look()
            self._looked = self._clock()
        ready = self._found["store"] == self._found["network"] == "ok" and not self._gate.closed
        content = {"ready": ready, "draining": self._gate.closed, **self._found}
        await exchange.answer_json(_OK if ready else _NOT_READY, content)

    async def _look(self) -> dict[str, Any]:
        workers = self._registry.workers()
        found: dict[str, Any] = {
            "store": "ok",
            "network": "ok" if await self._network.reachable() else "unreachable",
            "workers": [_described(seen, self._clock()) for seen in workers[:_SHOWN_WORKERS]],
            "requests": {},
        }
        try:
            await self._store.check()
            counts = await self._store.requests.counts()
        except Sp1teeError as error:
            found["store"] = error.code
        else:
            found["requests"] = {state.value: number for state, number in counts.items()}
        return found


def _described(seen: Seen, now: float) -> dict[str, Any]:
    proves = (
        {"version": able.version, "modes": sorted(able.modes), "mock": able.mock}
        for able in seen.capabilities
    )
    return {"name": seen.worker, "seen_s_ago": round(now - seen.at, 1), "proves": list(proves)}
