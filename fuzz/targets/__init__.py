"""All targets, by name."""

from fuzz.target import Target
from fuzz.targets import (
    asking,
    certificates,
    composes,
    evidence,
    images,
    listeners,
    names,
    serving,
    snarks,
    wire,
    working,
)

_ALL = (
    *listeners.TARGETS,
    *wire.TARGETS,
    *serving.TARGETS,
    *working.TARGETS,
    *asking.TARGETS,
    *evidence.TARGETS,
    *certificates.TARGETS,
    *names.TARGETS,
    *images.TARGETS,
    *composes.TARGETS,
    *snarks.TARGETS,
)

TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
