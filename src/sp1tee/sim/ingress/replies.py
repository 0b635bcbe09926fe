"""What an HTTP server answers, as data; and where it answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        body: what is sent.
        media_type: what it is said to be.
        status: the status code.
        headers: further ones.
        repeat: how often the body is sent; for bodies larger than anybody wants to hold.
        pause: seconds between bytes of the body; for answers that take for ever.
    """

    body: bytes = field(repr=False)
    media_type: str = "application/octet-stream"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    repeat: int = 1
    pause: float = 0.0


Site = Mapping[str, Reply]
"""Answers by path; a query is what a request must ask for at least."""

NOT_FOUND: Final = Reply(b"not found\n", "text/plain", HTTPStatus.NOT_FOUND)


def look_up(site: Site, target: str) -> Reply:
    """Find the answer to a request's target."""
    parts = urlsplit(target)
    path, asked = unquote(parts.path), set(parse_qsl(parts.query))
    for address, reply in site.items():
        served, _, wanted = address.partition("?")
        if served == path and asked.issuperset(parse_qsl(wanted)):
            return reply
    return NOT_FOUND
