"""What may go wrong with an agent's answers: each makes another answer of a right one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from sp1tee.sim.ingress.replies import Reply

Misbehaviour: TypeAlias = Literal["hang-up", "slow", "huge", "garbage", "error", "short-key"]

_FOREVER: Final = 3600.0
_COPIES: Final = 1 << 20


def _hang_up(_reply: Reply) -> None:
    return None


def _slow(reply: Reply) -> Reply:
    return replace(reply, pause=_FOREVER)


def _huge(reply: Reply) -> Reply:
    return replace(reply, repeat=_COPIES)


def _garbage(reply: Reply) -> Reply:
    return replace(reply, body=b"\x00\xff no JSON")


def _error(_reply: Reply) -> Reply:
    told = json.dumps({"error": "Failed to get quote: it is\nbroken on demand"})
    return Reply(told.encode(), "application/json", HTTPStatus.BAD_REQUEST)


def _short_key(reply: Reply) -> Reply:
    told = json.loads(reply.body)
    if "key" in told:
        told["key"] = told["key"][2:]
    return replace(reply, body=json.dumps(told).encode())


MISBEHAVIOURS: Final[Mapping[Misbehaviour, Callable[[Reply], Reply | None]]] = {
    "hang-up": _hang_up,
    "slow": _slow,
    "huge": _huge,
    "garbage": _garbage,
    "error": _error,
    "short-key": _short_key,
}
"""By name; `None` hangs up."""
