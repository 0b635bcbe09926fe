"""An agent in operation."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from sp1tee.errors import ConfigError
from sp1tee.sim.dstack.agent import Agent, Generation
from sp1tee.sim.dstack.misbehaviours import MISBEHAVIOURS, Misbehaviour
from sp1tee.sim.ingress import Host
from sp1tee.sim.ingress.http_server import Answerer, Asked, serve_socket
from sp1tee.sim.ingress.replies import Reply

_FOR_ANYBODY: Final = 0o777
"""As the real one: containers run as any user."""


class SimAgent:
    """Runs an agent; an async context manager.

    Args:
        host: whose guest it is in.
        socket: where it listens; what a former one left there is replaced.
        generation: which methods it has.
        misbehave: what goes wrong with every answer.
    """

    def __init__(
        self,
        host: Host,
        socket: Path,
        *,
        generation: Generation = "dstack",
        misbehave: Misbehaviour | None = None,
    ) -> None:
        self.host = host
        self.socket = socket
        self._answer = _spoilt(Agent(host, generation).answer, misbehave)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        try:
            self._server = await serve_socket(self._answer, self.socket)
            self.socket.chmod(_FOR_ANYBODY)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{self.socket} cannot be listened on: {reason}.",
                advice="Choose a path in a folder that exists, of at most 107 bytes.",
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(OSError):
            self.socket.unlink()


async def run_agent(agent: SimAgent, *, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Run an agent until `stop` is set; `ready` is called once it answers."""
    async with agent:
        ready()
        await stop.wait()


def _spoilt(answer: Answerer, misbehave: Misbehaviour | None) -> Answerer:
    if misbehave is None:
        return answer
    spoil = MISBEHAVIOURS[misbehave]

    def spoilt(asked: Asked) -> Reply | None:
        reply = answer(asked)
        return None if reply is None else spoil(reply)

    return spoilt
