"""What connections are used for, as the applications behind them see it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Final

from sp1tee.serve.door.lines import Remote
from sp1tee.serve.door.pace import CONNECTION_BURST_S, Party
from sp1tee.serve.door.peers import Address, Strangers
from sp1tee.serve.http import App, Event, Receive, Scope, Send

_NOBODY: Final = ("", 0)
_TOO_MANY: Final = "This client asks for too much at a time. Try again in some seconds."
_AGAIN_S: Final = b"5"

HELD_S: Final = 1.0
"""How long whoever asks for too much waits for being told so: who waits asks for nothing more."""

MOST_HELD: Final = 1024
"""So many wait at a time; the others are told at once."""


@dataclass(slots=True)
class Visit:
    """What came over one connection.

    Attributes:
        party: whose requests these are; None if of many people behind a trusted peer.
        begun: requests so far.
        open: requests that are not over.
        body: bytes of uploads so far.
    """

    party: Party | None = None
    begun: int = 0
    open: int = 0
    body: int = 0


class Visits:
    """Counts what connections are used for, and turns away what comes too fast.

    Args:
        strangers: tells whose connections are counted together.
        calls_per_s: requests that each of them may begin in a second, on average.
        apart: whether each connection of a trusted peer is somebody else's.
        clock: seconds.
        hold: waits before somebody is turned away.
    """

    def __init__(
        self,
        strangers: Strangers,
        calls_per_s: float,
        *,
        apart: bool = False,
        clock: Callable[[], float] = time.monotonic,
        hold: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._strangers = strangers
        self._calls_per_s = calls_per_s
        self._apart = apart
        self._clock = clock
        self._hold = hold
        self._held = 0
        self._visits: dict[Remote, Visit] = {}
        self._parties: dict[Address, Party] = {}

    def of(self, remote: Remote) -> Visit:
        """Return what came over a connection so far."""
        return self._visits.get(remote) or Visit()

    def forget(self, connected: Container[Remote]) -> None:
        """Drop what is over: connections that are not there any more, and peers at rest."""
        for remote, visit in list(self._visits.items()):
            if not visit.open and remote not in connected:
                del self._visits[remote]
        here = {self._strangers.find(remote[0]) for remote in self._visits}
        now = self._clock()
        for peer in self._parties.keys() - here:
            # One that comes back must not find itself with a new allowance.
            if self._parties[peer].rested(now):
                del self._parties[peer]

    def deaf(self, most: int) -> set[Address]:
        """Find peers that were turned away more than `most` times since the last look."""
        found = {peer for peer, party in self._parties.items() if party.refused > most}
        for party in self._parties.values():
            party.refused = 0
        return found

    def around(self, app: App) -> App:
        """Count what an app answers, as long as it is not too much."""
        visits, clock, per_second = self._visits, self._clock, self._calls_per_s

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            remote = scope.get("client") or _NOBODY
            visit = visits.get(remote) or self._begin(remote)
            visit.begun += 1
            visit.open += 1
            try:
                if visit.party is not None and not visit.party.admits(clock(), per_second):
                    await self._turn_away(send)
                    return
                # Other messages are small, and counted as part of their requests.
                uploads = scope.get("method") == "PUT"
                await app(scope, _weighed(receive, visit) if uploads else receive, send)
            finally:
                visit.open -= 1

        return counted

    def _begin(self, remote: Remote) -> Visit:
        visit = self._visits[remote] = Visit(self._party(remote))
        return visit

    def _party(self, remote: Remote) -> Party | None:
        stranger = self._strangers.find(remote[0])
        if stranger is not None:
            return self._parties.setdefault(stranger, Party())
        return Party(CONNECTION_BURST_S) if self._apart else None

    async def _turn_away(self, send: Send) -> None:
        """Answer 429, which gRPC clients take for UNAVAILABLE and try again; but not soon."""
        if self._held < MOST_HELD:
            self._held += 1
            try:
                await self._hold(HELD_S)
            finally:
                self._held -= 1
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", _AGAIN_S)]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": _TOO_MANY.encode()})


def _weighed(receive: Receive, visit: Visit) -> Receive:
    async def weighed() -> Event:
        event = await receive()
        visit.body += len(event.get("body", b""))
        return event

    return weighed
