"""Where this server may fetch programs from.

A URL that a network hands out makes this server connect somewhere. Without limits anybody who can
register a program could point it at whatever only this machine reaches.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from sp1tee.errors import ConfigError, SourceRefused

SCHEMES = ("https", "s3", "http")

_LABELS = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_PORTS = {"http": 80, "https": 443, "s3": None}


@dataclass(frozen=True, slots=True)
class SourcePattern:
    """One place that is allowed: a URL prefix whose host may have ``*`` for one or more labels.

    ``s3://`` allows every bucket, ``https://*.amazonaws.com/`` every host below, on port 443.
    """

    scheme: str
    host: re.Pattern[str] | None
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern.

        Raises:
            ConfigError: it is none.
        """
        url = _split(text.replace("*", "wildcard-label"))
        if url is None or url.scheme not in SCHEMES or (not url.hostname and url.scheme != "s3"):
            raise ConfigError(
                "A program source is not a URL prefix.",
                advice="Write it like https://*.example.org/ or s3://bucket/ in program_sources.",
            )
        host = re.escape(url.hostname or "").replace(re.escape("wildcard-label"), _LABELS)
        pattern = re.compile(host) if host else None
        return cls(url.scheme, pattern, url.port or _PORTS[url.scheme], url.path or "/")

    def allows(self, url: SplitResult) -> bool:
        """Tell whether a URL lies within."""
        return (
            url.scheme == self.scheme
            and (self.host is None or self.host.fullmatch(url.hostname or "") is not None)
            and (url.port or _PORTS[url.scheme]) == self.port
            and url.path.startswith(self.path)
        )


class AllowedSources:
    """All places that are allowed."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(SourcePattern.parse(pattern) for pattern in patterns)

    def allows(self, url: str) -> bool:
        """Tell whether this server may fetch from a URL."""
        parts = _split(url)
        return parts is not None and any(pattern.allows(parts) for pattern in self._patterns)

    def check(self, url: str) -> None:
        """Insist that this server may fetch from a URL.

        Raises:
            SourceRefused: it may not; names the place, not the whole URL, which may hold a token.
        """
        if not self.allows(url):
            raise SourceRefused(f"The program is stored at {place_of(url)}, which is not allowed.")


def place_of(url: str) -> str:
    """Name the scheme and host of a URL."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return "an unreadable address"
    return f"{parts.scheme}://{parts.hostname}"


def _split(url: str) -> SplitResult | None:
    """Split a URL; None if it is none, or could mean another place than it seems to."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    tricky = parts.username is not None or ".." in unquote(parts.path) or "\\" in url
    return None if tricky else parts
