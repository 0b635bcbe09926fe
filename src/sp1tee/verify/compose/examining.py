"""Reading an application's configuration."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify.compose.app_compose import AppCompose, read_app_compose
from sp1tee.verify.compose.compose_file import ComposeFile, parse_compose

INSIDE: Final = "the docker-compose file in app-compose.json"


@dataclass(frozen=True, slots=True)
class ComposeFacts:
    """What app-compose.json holds.

    Attributes:
        raw: the file, byte for byte.
        sha256: its hash, which is what is measured.
        app: its fields.
        inside: the docker-compose file inside, byte for byte; None if there is none.
        read: the same, read; or why it cannot be.
    """

    raw: bytes = field(repr=False)
    sha256: bytes
    app: AppCompose
    inside: bytes | None = field(repr=False)
    read: ComposeFile | VerifyError

    @property
    def file(self) -> ComposeFile | None:
        """The docker-compose file, if it can be read."""
        return None if isinstance(self.read, VerifyError) else self.read

    @property
    def trouble(self) -> VerifyError | None:
        """Why it cannot be read, if it cannot be."""
        return self.read if isinstance(self.read, VerifyError) else None


def examine(raw: bytes) -> ComposeFacts:
    """Read app-compose.json and the docker-compose file inside.

    Raises:
        EvidenceTooLarge: app-compose.json is larger than dstack takes.
        EvidenceMalformed: it cannot be read, or in more than one way.
    """
    app = read_app_compose(raw)
    inside = None if app.docker_compose_file is None else app.docker_compose_file.encode()
    return ComposeFacts(raw, hashlib.sha256(raw).digest(), app, inside, _read(inside))


def _read(inside: bytes | None) -> ComposeFile | VerifyError:
    if inside is None:
        return EvidenceMalformed("app-compose.json holds no docker-compose file.")
    try:
        return parse_compose(inside, INSIDE)
    except VerifyError as error:
        return error
