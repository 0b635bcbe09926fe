"""Facts: what was read, where it came from, and how far that can be believed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Basis(StrEnum):
    """How a value is known.

    `attested`: bound by a signature chain that was verified to its anchor.
    `computed`: worked out here from bytes that are in the evidence.
    `claimed`: somebody says so; nothing stands behind it.
    """

    ATTESTED = "attested"
    COMPUTED = "computed"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Fact:
    """One value.

    Attributes:
        name: dotted, its room first, e.g. ``quote.rtmr3``.
        value: as it stands in a report; hashes are lower-case hex without ``0x``.
        basis: how it is known.
        anchor: what it rests on, in words, e.g. ``Intel SGX Root CA`` or ``quote.json``.
    """

    name: str
    value: Json
    basis: Basis
    anchor: str


def attested(name: str, value: Json, anchor: str) -> Fact:
    """Make a fact that a verified signature chain binds."""
    return Fact(name, value, Basis.ATTESTED, anchor)


def computed(name: str, value: Json, anchor: str) -> Fact:
    """Make a fact that was worked out here."""
    return Fact(name, value, Basis.COMPUTED, anchor)


def claimed(name: str, value: Json, anchor: str) -> Fact:
    """Make a fact that somebody merely states."""
    return Fact(name, value, Basis.CLAIMED, anchor)
