"""A docker-compose file: its services, and where in it everything stands.

The Compose Specification (compose-spec.io) gives the meaning; what is read here is only what
decides about images and about who can reach what.
"""

import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.compose.yaml_tree import Entry, Node, Scalar, Table, read_yaml

_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,255}", re.ASCII)

SERVICES: Final = 200
"""How many services a file may have; each is checked against every rule."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        name: its key under ``services``.
        line: where it begins, from 1.
        image: the image reference as it is written; None if there is none.
        image_line: where that stands; the service's own line if there is none.
        build: what ``build`` says, a context or a mapping; None if it isn't built from source.
        settings: everything it says, merge keys applied.
    """

    name: str
    line: int
    image: str | None
    image_line: int
    build: Node | None
    settings: Table


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A docker-compose file.

    Attributes:
        name: what it is called in reports.
        services: in their order.
        tree: the whole document.
    """

    name: str
    services: tuple[Service, ...]
    tree: Table

    def service(self, name: str) -> Service | None:
        """Return a service by its name."""
        return next((service for service in self.services if service.name == name), None)


def parse_compose(text: bytes, name: str) -> ComposeFile:
    """Read a docker-compose file.

    Args:
        text: the whole file.
        name: what it is called in errors and locations, e.g. its path.

    Raises:
        EvidenceTooLarge: it is larger, deeper or wider than anything genuine.
        EvidenceMalformed: it is no docker-compose file, or one that can be read in two ways.
    """
    tree = read_yaml(text, name)
    if not isinstance(tree, Table):
        raise EvidenceMalformed(f"{name} is YAML, but no docker-compose file.")
    services = tree.get("services")
    if not isinstance(services, Table) or not services.entries:
        raise EvidenceMalformed(
            f"{name} has no services.", advice="Name a docker-compose file with `services:`."
        )
    if len(services.entries) > SERVICES:
        raise EvidenceTooLarge(f"{name} has more than {SERVICES} services.")
    listed = (_service(name, key, entry) for key, entry in services.entries.items())
    return ComposeFile(name, tuple(listed), tree)


def _service(file: str, name: str, entry: Entry) -> Service:
    settings = entry.value
    if not _NAME.fullmatch(name):
        raise EvidenceMalformed(
            f"{file} has a service in line {entry.line} with a name that Docker Compose refuses."
        )
    if not isinstance(settings, Table):
        raise EvidenceMalformed(f"{file} has a service in line {entry.line} that is no mapping.")
    image = settings.get("image")
    if image is not None and not isinstance(image, Scalar):
        raise EvidenceMalformed(f"{file} has an image in line {image.line} that is no text.")
    return Service(
        name=name,
        line=entry.line,
        image=None if image is None else image.text,
        image_line=settings.entries["image"].line if image is not None else entry.line,
        build=settings.get("build"),
        settings=settings,
    )
