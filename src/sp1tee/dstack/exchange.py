"""One question and its answer: JSON over HTTP/1.1 over the agent's Unix socket."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import httpx

from sp1tee.errors import AgentAway, AgentGarbled, AgentRefused

Fields: TypeAlias = Mapping[str, object]

_OK: Final = 200
_NOT_FOUND: Final = 404
_WORDS_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Method:
    """Something an agent can be asked.

    Attributes:
        path: where, e.g. ``/GetKey``.
        limit: how many bytes the answer may have.
        seconds: how long all of it may take.
    """

    path: str
    limit: int
    seconds: float


async def ask(socket: Path, method: Method, question: Fields) -> Fields | None:
    """Ask the agent that listens at a socket.

    Returns:
        Its answer; None if it is of another generation and has no such method.

    Raises:
        AgentAway: nobody answers, or not in time.
        AgentRefused: it answers with an error of its own.
        AgentGarbled: it answers something else, or too much.
    """
    try:
        async with asyncio.timeout(method.seconds):
            status, body = await _exchange(socket, method, question)
    except TimeoutError:
        raise AgentAway(
            f"The guest agent at {socket} took longer than {method.seconds:g} s for {method.path}."
        ) from None
    except (httpx.NetworkError, httpx.TimeoutException, ValueError):  # the path may hold a NUL
        raise AgentAway(f"No guest agent answers at {socket}.") from None
    except httpx.HTTPError:
        raise AgentGarbled(f"What listens at {socket} hangs up, or speaks no HTTP.") from None
    if status == _NOT_FOUND:
        return None
    answer = _read(body, socket)
    if status != _OK:
        raise AgentRefused(f"The guest agent refuses {method.path}: {_words(answer)}")
    return answer


async def _exchange(socket: Path, method: Method, question: Fields) -> tuple[int, bytes]:
    async with (
        httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)),
            headers={"accept-encoding": "identity"},
            # Time is kept around all of it: these limits would begin anew with every byte.
            timeout=None,  # noqa: S113
            trust_env=False,
        ) as client,
        client.stream("POST", f"http://dstack{method.path}", json=dict(question)) as response,
    ):
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > method.limit:
                raise AgentGarbled(
                    f"The answer to {method.path} has more than {method.limit} bytes."
                )
        return response.status_code, bytes(body)


def _read(body: bytes, socket: Path) -> Fields:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise AgentGarbled(f"What listens at {socket} answers with something that is no JSON.")
    return answer


def _words(answer: Fields) -> str:
    """Return the agent's own words as one line; it is told nothing that they could give away."""
    told = answer.get("error")
    words = told if isinstance(told, str) and told else "it does not say why."
    return "".join(c if c.isprintable() else " " for c in words[:_WORDS_SHOWN])
