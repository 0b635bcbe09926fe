"""Who may stay connected: looks at a listener's connections and breaks off what nobody needs."""

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from sp1tee import logs
from sp1tee.serve.door.barrier import Barrier
from sp1tee.serve.door.guests import Fault, Guest
from sp1tee.serve.door.limits import Limits
from sp1tee.serve.door.lines import Line, hang_up, lines
from sp1tee.serve.door.peers import Address, Strangers
from sp1tee.serve.door.visits import Visits

_log = logs.get(__name__)

Closed = Callable[[str, int], None]
"""Told why connections were broken off, and how many."""


class Doorman:
    """Holds a listener's connections to its limits.

    Args:
        bound: the socket that they come from.
        limits: what it bears.
        closed: told what was broken off.
    """

    def __init__(self, bound: socket.socket, limits: Limits, closed: Closed) -> None:
        self._bound = bound
        self._limits = limits
        self._closed = closed
        self._barrier = Barrier(bound)
        self._guests: dict[int, Guest] = {}
        self._kept_out: dict[Address, float] = {}
        self._strangers = Strangers(limits.trusted)
        self.visits = Visits(
            self._strangers, limits.calls_per_s, apart=limits.told_apart == "connection"
        )

    async def run(self) -> None:
        """Look at the connections again and again, until it is cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._limits.look_s)
            self.look(lines(self._bound), clock())

    def look(self, connected: Iterable[Line], now: float) -> None:
        """Look at the connections once."""
        self._meet(connected, now)
        faults = {
            guest.line.cookie: fault
            for guest in self._guests.values()
            if (fault := self._fault(guest, now)) is not None
        }
        deaf = self._deaf(faults)
        crowds = self._crowds(faults)
        self._make_room(faults, now)
        # Who is broken off connects again at once, and must find the door closed.
        self._keep_out(deaf | self._flooding(faults), crowds, now)
        self._break_off(faults)

    def _fault(self, guest: Guest, now: float) -> Fault | None:
        fault = guest.fault(self._limits, now)
        return fault if fault is Fault.STALLED or not self._passes_on(guest) else None

    def _passes_on(self, guest: Guest) -> bool:
        """Tell whether what is asked over a connection is known under other names than its own."""
        return self._limits.named and self._strangers.find(guest.line.remote[0]) is None

    def _meet(self, connected: Iterable[Line], now: float) -> None:
        before, self._guests = self._guests, {}
        for line in connected:
            guest = before.get(line.cookie) or Guest.come(line, now)
            guest.look(line, self.visits.of(line.remote), now)
            self._guests[line.cookie] = guest
        self.visits.forget({guest.line.remote for guest in self._guests.values()})

    def _deaf(self, faults: dict[int, Fault]) -> set[Address]:
        """Find the strangers that go on although they are turned away, connected now or not."""
        deaf = self.visits.deaf(self._limits.deaf)
        for cookie, guest in self._guests.items():
            if deaf and self._strangers.find(guest.line.remote[0]) in deaf:
                faults[cookie] = Fault.FLOOD
        return deaf

    def _crowds(self, faults: dict[int, Fault]) -> set[Address]:
        """Find the strangers with too many connections; the newest of these are too many."""
        numbers: Counter[Address] = Counter()
        full = set()
        for guest in sorted(self._guests.values(), key=lambda guest: guest.since):
            stranger = self._strangers.find(guest.line.remote[0])
            if stranger is None:
                continue
            numbers[stranger] += 1
            if numbers[stranger] >= self._limits.peer_connections:
                full.add(stranger)
            if numbers[stranger] > self._limits.peer_connections:
                faults.setdefault(guest.line.cookie, Fault.PEER)
        return full

    def _make_room(self, faults: dict[int, Fault], now: float) -> None:
        """With too many connections in all, those go that did nothing for the longest time."""
        excess = len(self._guests) - len(faults) - self._limits.crowded
        if excess <= 0:
            return
        for guest in itertools.islice(self._idlest(faults, now), excess):
            faults[guest.line.cookie] = Fault.CROWDED

    def _idlest(self, faults: dict[int, Fault], now: float) -> Iterator[Guest]:
        idle = [
            guest
            for guest in self._guests.values()
            if not guest.busy
            and guest.active < now
            and guest.line.cookie not in faults
            and not self._passes_on(guest)
        ]
        return iter(sorted(idle, key=lambda guest: (guest.begun > 0, guest.active)))

    def _flooding(self, faults: dict[int, Fault]) -> set[Address]:
        """Find the strangers whose connections are broken off as floods."""
        peers = {
            self._strangers.find(self._guests[cookie].line.remote[0])
            for cookie, fault in faults.items()
            if fault is Fault.FLOOD
        }
        return {peer for peer in peers if peer is not None}

    def _keep_out(self, flooding: set[Address], crowds: set[Address], now: float) -> None:
        """Let those begin no connection for a while that flood, or have all they may have."""
        for peer in flooding:
            self._kept_out[peer] = now + self._limits.kept_out_s
            _log.warning("a peer floods and is kept out", peer=str(peer))
        self._kept_out = {peer: until for peer, until in self._kept_out.items() if until > now}
        self._barrier.keep_out(crowds | self._kept_out.keys())

    def _break_off(self, faults: dict[int, Fault]) -> None:
        for cookie in faults:
            hang_up(self._guests[cookie].line)
        for fault, number in Counter(faults.values()).items():
            self._closed(fault, number)
            _log.info("connections broken off", reason=fault, connections=number)
