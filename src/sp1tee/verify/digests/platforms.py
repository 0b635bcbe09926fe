"""Platforms: an operating system, an architecture and its variant."""

import re
from dataclasses import dataclass
from typing import Final, Self

from sp1tee.errors import ConfigError

_WORD: Final = r"[a-z0-9_.-]{1,32}"
_PLATFORM: Final = re.compile(rf"({_WORD})/({_WORD})(?:/({_WORD}))?")
# What containerd takes a missing variant for.
_USUAL_VARIANTS: Final = {"arm64": "v8", "amd64": "v1", "arm": "v7"}


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on; `variant` is empty where none is said."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``; raises `ConfigError`."""
        match = _PLATFORM.fullmatch(text)
        if match is None:
            raise ConfigError(f"{text!r} is no platform.", advice="Write e.g. linux/amd64.")
        return cls(match[1], match[2], match[3] or "")

    @property
    def is_unknown(self) -> bool:
        """Whether it is ``unknown/unknown``, which is how BuildKit marks what is no image."""
        return self.os == self.architecture == "unknown"

    def takes(self, other: "Platform") -> bool:
        """Tell whether an engine of this platform may run an image of another.

        Without a variant every variant is taken: which one an engine runs is its processor's say.
        """
        if (self.os, self.architecture) != (other.os, other.architecture):
            return False
        return not self.variant or self._usual(self) == self._usual(other)

    @staticmethod
    def _usual(platform: "Platform") -> str:
        return platform.variant or _USUAL_VARIANTS.get(platform.architecture, "")

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


LINUX_AMD64: Final = Platform("linux", "amd64")
