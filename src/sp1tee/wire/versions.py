"""Circuit versions: which proof system a request asks for.

The network names them ``sp1-v6.1.0``, a proof carries ``v6.1.0``. They are not SDK versions: SDK
5.0 to 5.2 all use v5.0.0, SDK 6.0 uses v6.0.0, SDK 6.1 to 6.10 use v6.1.0.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sp1tee.errors import VersionError

_PREFIX: Final = "sp1-"


class Family(StrEnum):
    """A generation of SP1: its own guest architecture, encodings and keys."""

    V5 = "v5"
    V6 = "v6"


@dataclass(frozen=True, slots=True)
class CircuitVersion:
    """A circuit version this release knows.

    Attributes:
        text: as requests name it, e.g. ``sp1-v6.1.0``.
        family: the generation it belongs to.
    """

    text: str
    family: Family

    @property
    def circuit(self) -> str:
        """The version as proofs carry it, e.g. ``v6.1.0``."""
        return self.text.removeprefix(_PREFIX)

    def __str__(self) -> str:
        return self.text


SUPPORTED: Final = (
    CircuitVersion("sp1-v5.0.0", Family.V5),
    CircuitVersion("sp1-v6.0.0", Family.V6),
    CircuitVersion("sp1-v6.1.0", Family.V6),
)
"""Every known version, oldest first."""

_BY_TEXT: Final = {version.text: version for version in SUPPORTED}


def parse_version(text: str) -> CircuitVersion:
    """Read the version of a request, e.g. ``sp1-v6.1.0``.

    Raises:
        VersionError: this release does not know it; the advice lists those it knows.
    """
    version = _BY_TEXT.get(text)
    if version is None:
        known = ", ".join(_BY_TEXT)
        raise VersionError(
            "The circuit version is not one this release knows.",
            advice=f"Use an SP1 SDK whose circuit version is one of {known}.",
        )
    return version


def parse_circuit(text: str) -> CircuitVersion:
    """Read the version inside a proof, e.g. ``v6.1.0``.

    Raises:
        VersionError: as for `parse_version`.
    """
    return parse_version(_PREFIX + text)


def latest(family: Family) -> CircuitVersion:
    """Return the newest known version of a family, which all its current SDKs use."""
    return next(version for version in reversed(SUPPORTED) if version.family is family)
