"""A Prover Network that is away, slow, wrong or forgetful."""

import random
import time
from typing import Final

from chaos.faults.kind import Kind, Need, Strike
from chaos.lab import Lab
from chaos.load import SHORT_S

_STATUSES: Final = ("UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED")
_TAKING_EFFECT: Final = ("RequestProof", "FulfillProof", "FailFulfillment", "CreateProgram", "*")


def _outage(*, closed: bool) -> Strike:
    def strike(lab: Lab, _: random.Random) -> str:
        """Let it last longer than the requests that are made now may take."""
        lab.load.short.set()
        lab.inject(fault="outage", closed=closed)
        try:
            time.sleep(SHORT_S[1] + 1)
        finally:
            lab.lift()
            lab.load.short.clear()
        return f"away for {SHORT_S[1] + 1} s"

    return strike


def _slow(lab: Lab, rng: random.Random) -> str:
    calls, seconds = rng.randint(5, 40), round(rng.uniform(0.05, 0.5), 2)
    lab.inject(fault="delay", method="*", calls=calls, seconds=seconds)
    return f"{calls} calls take {seconds} s longer"


def _fails(lab: Lab, rng: random.Random) -> str:
    calls, status = rng.randint(3, 25), rng.choice(_STATUSES)
    lab.inject(fault="answer", method="*", calls=calls, status=status)
    return f"{calls} calls end {status}"


def _store_fails(lab: Lab, rng: random.Random) -> str:
    method, calls = rng.choice(("PUT", "GET")), rng.randint(1, 6)
    lab.inject(fault="answer", method=method, calls=calls)
    return f"{calls} {method} of artifacts fail"


def _loses_replies(lab: Lab, rng: random.Random) -> str:
    method, calls, drop = rng.choice(_TAKING_EFFECT), rng.randint(1, 6), rng.random() < 0.5
    lab.inject(fault="lose_reply", method=method, calls=calls, drop=drop)
    return f"{calls} replies to {method}{', connections break' if drop else ''}"


def _nonce_race(lab: Lab, rng: random.Random) -> str:
    calls = rng.randint(1, 8)
    lab.inject(fault="nonce_race", calls=calls)
    return f"{calls} nonces are stale once told"


def _nonce_burnt(lab: Lab, rng: random.Random) -> str:
    times = rng.randint(1, 50)
    lab.inject(fault="burn_nonce", address=lab.operator.address.hex(), times=times)
    return f"{times} nonces used by somebody else"


_NETWORK: Final = frozenset({Need.NETWORK})
KINDS: Final = (
    Kind("network-refuses", _outage(closed=False), _NETWORK),
    Kind("network-gone", _outage(closed=True), _NETWORK),
    Kind("network-slow", _slow, _NETWORK),
    Kind("network-fails", _fails, _NETWORK),
    Kind("network-store-fails", _store_fails, _NETWORK),
    Kind("replies-lost", _loses_replies, _NETWORK),
    Kind("nonce-stale", _nonce_race, _NETWORK),
    Kind("nonces-burnt", _nonce_burnt, _NETWORK),
)
