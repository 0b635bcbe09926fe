"""Finding who answers a path."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sp1tee.serve.http import Exchange

Handler = Callable[[Exchange], Awaitable[None]]

UNKNOWN: Final = "(unknown path)"
"""Stands for a path in logs and metrics that no route has; the path itself may hold anything."""


@dataclass(frozen=True, slots=True)
class Route:
    """A family of paths.

    Attributes:
        template: such as ``/proofs/{token}``; a placeholder stands for one segment, at the end
            ``{name...}`` for one or more. The template is what logs and metrics show.
        handlers: who answers, by method.
        quiet: whether requests are too frequent and too dull to be logged.
    """

    template: str
    handlers: Mapping[str, Handler]
    quiet: bool = False

    def match(self, segments: list[str]) -> Mapping[str, str] | None:
        """Return what the placeholders stand for, None if the path is another one."""
        wanted = self.template.split("/")[1:]
        if wanted[-1].endswith("...}") and len(segments) > len(wanted):
            cut = len(wanted) - 1
            segments = [*segments[:cut], "/".join(segments[cut:])]
        if len(wanted) != len(segments):
            return None
        found: dict[str, str] = {}
        for pattern, segment in zip(wanted, segments, strict=True):
            if pattern.startswith("{"):
                found[pattern.strip("{.}")] = segment
            elif pattern != segment:
                return None
        return found

    @property
    def allowed(self) -> bytes:
        """The methods it takes, as the Allow header names them."""
        return ", ".join(self.handlers).encode()


def find(routes: tuple[Route, ...], path: str) -> tuple[Route, Mapping[str, str]] | None:
    """Return the first route for a path, and what its placeholders stand for there."""
    segments = path.split("/")[1:]
    for route in routes:
        found = route.match(segments)
        if found is not None:
            return route, found
    return None
