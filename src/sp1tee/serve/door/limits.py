"""How many connections there may be, and how long each may do nothing."""

from dataclasses import dataclass, field
from typing import Final, Literal

from sp1tee.serve.door.peers import Trusted

ToldApart = Literal["nothing", "connection", "forwarded", "proxy-v1", "proxy-v2"]
"""What tells the requesters behind a trusted peer apart."""

USELESS_RATE: Final = 512 * 1024
"""Bytes that may come over a connection in a second beyond what its requests account for."""

HEAD_BYTES: Final = 16 * 1024
"""What a request accounts for besides its body: its head, and the frames around it."""

BODY_FACTOR: Final = 16
"""A body's bytes may come in the smallest pieces; each has a frame of nine bytes around it."""

DELIVERED_SHARE: Final = 64
"""Who takes an answer says so, with a frame of some 13 bytes for each few thousand."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a listener bears.

    Attributes:
        connections: how many there may be at once.
        peer_connections: how many of them one peer may have, unless it is trusted.
        calls_per_s: requests that one peer may begin in a second, unless it is trusted.
        deaf: how often it may be told in a second that these were too many.
        trusted: who speaks for many.
        told_apart: what tells these many apart.
        first_s: how long a connection may last without a request, whose head must have come.
        idle_s: how long it may last without another one.
        stall_s: how long it may leave an answer where it is.
        useless_burst: bytes that no request accounts for and that may come at once. Of a body, as
            much as the windows let through may be under way to whoever reads it.
        kept_out_s: how long a peer that floods may begin no connection, unless it is trusted.
        look_s: how often the connections are looked at.
    """

    connections: int = 2048
    peer_connections: int = 256
    calls_per_s: float = 200.0
    deaf: int = 500
    trusted: Trusted = field(default_factory=Trusted)
    told_apart: ToldApart = "nothing"
    first_s: float = 20.0
    idle_s: float = 300.0
    stall_s: float = 60.0
    useless_burst: int = 16 << 20
    kept_out_s: float = 60.0
    look_s: float = 1.0

    @property
    def named(self) -> bool:
        """Whether trusted peers say whose requests they pass on."""
        return self.told_apart not in ("nothing", "connection")

    @property
    def crowded(self) -> int:
        """From how many connections on those that do nothing make room for others."""
        return self.connections * 3 // 4
