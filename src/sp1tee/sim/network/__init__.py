"""A strict Prover Network on one machine, for tests, demos and whoever has no account.

It accepts only what the real network accepts, as far as that is known, plus some that the real
network would silently misread; see docs/protocol.md. Proofs are checked for what they claim, not
verified. Nothing survives its end.
"""

from sp1tee.sim.network.faults import (
    Answer,
    Assign,
    Assignment,
    BurnNonce,
    Delay,
    Fault,
    LoseReply,
    NonceRace,
    Outage,
)
from sp1tee.sim.network.ledger import Call, Entry, Kind, Ledger
from sp1tee.sim.network.settings import AuctionParams, SimSettings, Tls
from sp1tee.sim.network.simulator import SimNetwork, run_sim

__all__ = [
    "Answer",
    "Assign",
    "Assignment",
    "AuctionParams",
    "BurnNonce",
    "Call",
    "Delay",
    "Entry",
    "Fault",
    "Kind",
    "Ledger",
    "LoseReply",
    "NonceRace",
    "Outage",
    "SimNetwork",
    "SimSettings",
    "Tls",
    "run_sim",
]
