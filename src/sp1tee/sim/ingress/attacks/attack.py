"""What an attack is."""

from collections.abc import Callable
from dataclasses import dataclass

from sp1tee.sim.ingress.host import Host


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that a host may try.

    Attributes:
        name: what it is called on a command line.
        numbers: which attacks of docs/verification.md it is.
        what: what the host does, as a sentence without a subject.
        expects: rules of which at least one must not pass.
        act: makes an attacking host of an honest one.
    """

    name: str
    numbers: tuple[str, ...]
    what: str
    expects: tuple[str, ...]
    act: Callable[[Host], Host]
