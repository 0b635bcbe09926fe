"""Is this server alive, and can it work? For load balancers, containers and people."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sp1tee.errors import BucketUnavailable, Sp1teeError
from sp1tee.serve.free_space import free_bytes
from sp1tee.serve.gate import Gate
from sp1tee.serve.http import Exchange
from sp1tee.serve.network import Network
from sp1tee.serve.opening import Kept
from sp1tee.serve.registry import Registry, Seen
from sp1tee.serve.vault_key import Protection

PUBLIC_ROUTE: Final = "/health"
LIVE_ROUTE: Final = "/health/live"
READY_ROUTE: Final = "/health/ready"

PARTS: Final = ("store", "vault", "network", "disk", "workers")

_OK: Final = 200
_NOT_READY: Final = 503
_LOOK_AGAIN_S: Final = 1.0
_SHOWN_WORKERS: Final = 100


@dataclass(frozen=True, slots=True)
class ReadyRules:
    """What an operator wants of a server that is ready.

    Attributes:
        data_dir: on the disk that must have room.
        min_free_bytes: how much.
        require_workers: whether somebody must have asked for work lately.
    """

    data_dir: Path
    min_free_bytes: int
    require_workers: bool


class Health:
    """Answers the health paths.

    `ready` proves that the store can be written, so it looks at most once a second.
    """

    def __init__(
        self,
        gate: Gate,
        kept: Kept,
        network: Network,
        registry: Registry,
        *,
        rules: ReadyRules,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate
        self._kept = kept
        self._network = network
        self._registry = registry
        self._rules = rules
        self._clock = clock
        self._looked = float("-inf")
        self._found: dict[str, Any] = {}
        self._looking: asyncio.Task[None] | None = None

    @property
    def input_protection(self) -> Protection:
        """What keeps stored inputs from whoever has the disk."""
        return self._kept.protection

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
            await self._refresh()
        draining = self._gate.closed
        why_not = {**self._found["why_not"], **({"server": "draining"} if draining else {})}
        facts = {"ready": not why_not, "draining": draining, **self._found, "why_not": why_not}
        await exchange.answer_json(_NOT_READY if why_not else _OK, facts)

    def parts(self) -> dict[str, bool]:
        """Say which parts were as they should be when last looked at, and look again meanwhile.

        Whoever monitors must not wait for what is ill. Nothing is said before the first look.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._refresh())
        why_not = self._found.get("why_not")
        return {} if why_not is None else {part: part not in why_not for part in PARTS}

    async def aclose(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _refresh(self) -> None:
        self._found = await self._look()
        self._looked = self._clock()

    async def _look(self) -> dict[str, Any]:
        workers = await self._registry.workers()
        found: dict[str, Any] = {
            "store": "ok",
            "vault": "ok",
            "network": "ok" if await self._network.reachable() else "unreachable",
            "workers": [_described(seen, self._clock()) for seen in workers[:_SHOWN_WORKERS]],
            "requests": {},
            "input_protection": self.input_protection,
        }
        try:
            await self._kept.store.check()
            counts = await self._kept.store.requests.counts()
        except BucketUnavailable as error:
            found["vault"] = error.code
        except Sp1teeError as error:
            found["store"] = error.code
        else:
            found["requests"] = {state.value: number for state, number in counts.items()}
        found["disk_free_bytes"] = await free_bytes(self._rules.data_dir)
        found["why_not"] = self._why_not(found)
        return found

    def _why_not(self, found: dict[str, Any]) -> dict[str, str]:
        """Say for each part that is not as it should be what is wrong with it."""
        why = {part: found[part] for part in ("store", "vault", "network") if found[part] != "ok"}
        free, wanted = found["disk_free_bytes"], self._rules.min_free_bytes
        if free < wanted:
            why["disk"] = f"{free} bytes are free, {wanted} are wanted"
        if self._rules.require_workers and not found["workers"]:
            why["workers"] = "none has asked for work lately"
        return why


def _described(seen: Seen, now: float) -> dict[str, Any]:
    proves = (
        {"version": able.version, "modes": sorted(able.modes), "mock": able.mock}
        for able in seen.capabilities
    )
    return {
        "name": seen.worker,
        "state": seen.state,
        "seen_s_ago": round(now - seen.at, 1),
        "proves": list(proves),
    }
