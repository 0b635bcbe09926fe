"""A locally built image, whatever it lies in."""

from dataclasses import dataclass

from sp1tee.verify.digests.documents import Config
from sp1tee.verify.digests.layers import Layer


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image to compare with a published one.

    Attributes:
        source: where it is, as it was named.
        digests: those of its manifest and of the indexes that name it; none where what holds it
            keeps no manifest.
        config: its configuration.
        layers: the lowest first; empty where they have not been asked for.
        notes: what a reader of the comparison should know about it.
    """

    source: str
    digests: tuple[str, ...]
    config: Config
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()
