"""What a connection has done lately, and what is wrong with that."""

from dataclasses import dataclass
from enum import StrEnum

from sp1tee.serve.door.limits import (
    BODY_FACTOR,
    DELIVERED_SHARE,
    HEAD_BYTES,
    USELESS_RATE,
    Limits,
)
from sp1tee.serve.door.lines import Line
from sp1tee.serve.door.visits import Visit


class Fault(StrEnum):
    """Why a connection is broken off; a label of metrics."""

    FLOOD = "flood"
    NO_REQUEST = "no_request"
    IDLE = "idle"
    STALLED = "stalled"
    PEER = "peer"
    CROWDED = "crowded"


@dataclass(slots=True)
class Guest:
    """A connection over time; all moments are of the loop's clock.

    Attributes:
        line: how it was at the last look.
        since: when it was seen first.
        active: when a request was seen last.
        taking: when its other end was seen last to take what is sent.
        looked: when it was looked at last.
        begun: requests until then.
        body: bytes of their bodies.
        busy: whether one of them is not over.
        useless: bytes that came lately and that no request accounts for.
    """

    line: Line
    since: float
    active: float
    taking: float
    looked: float
    begun: int = 0
    body: int = 0
    busy: bool = False
    useless: float = 0.0

    @classmethod
    def come(cls, line: Line, now: float) -> "Guest":
        """Take note of a new connection, before its first look."""
        blank = Line(line.cookie, line.fd, line.remote, 0, 0, 0)
        return cls(blank, since=now, active=now, taking=now, looked=now)

    def look(self, line: Line, visit: Visit, now: float) -> None:
        """Take note of how it is now."""
        begun, body = visit.begun - self.begun, visit.body - self.body
        delivered = line.delivered - self.line.delivered
        accounted = begun * HEAD_BYTES + body * BODY_FACTOR + delivered / DELIVERED_SHARE
        allowed = accounted + USELESS_RATE * (now - self.looked)
        self.useless = max(0.0, self.useless + line.received - self.line.received - allowed)
        self.busy = visit.open > 0
        if begun or self.busy:
            self.active = now
        if delivered or not line.unsent:
            self.taking = now
        self.line, self.looked = line, now
        self.begun, self.body = visit.begun, visit.body

    def fault(self, limits: Limits, now: float) -> Fault | None:
        """Say what it is to be broken off for, if for anything."""
        if self.useless > limits.useless_burst:
            return Fault.FLOOD
        if now - self.taking > limits.stall_s:
            return Fault.STALLED
        if not self.begun and now - self.since > limits.first_s:
            return Fault.NO_REQUEST
        return Fault.IDLE if now - self.active > limits.idle_s else None
