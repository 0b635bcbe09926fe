"""Names of images, by the grammar that registries and engines share.

``[host[:port]/]path[:tag][@digest]``, as github.com/distribution/reference reads it: a name without
a host is Docker Hub's, and there a name of one part is an official image under ``library/``.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from sp1tee.errors import EvidenceMalformed

DOCKER_HUB: Final = "docker.io"
LENGTH: Final = 512
"""How long a reference may be: a name has at most 255 characters, a tag 128, a digest 71."""

_NAME_LENGTH: Final = 255
_COMPONENT: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST: Final = rf"(?:{_COMPONENT}(?:\.{_COMPONENT})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN: Final = re.compile(_HOST)
_PATH: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name.

    Attributes:
        host: the registry's name, ``docker.io`` for Docker Hub; with its port, if one is written.
        path: the repository.
        tag: what is written after ``:``; nothing goes by it where there is a digest.
        digest: the pin, ``sha256:`` and 64 hex digits; None if there is none.
    """

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reference.

        Raises:
            EvidenceMalformed: it is none.
        """
        if len(text) > LENGTH:
            raise _no_reference("is too long for an image's name")
        name, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _no_reference("has a digest that is not `sha256:` and 64 lower-case hex digits")
        name, tag = _split_tag(name)
        host, path = _split_host(name)
        return cls(host, path, tag, digest if at else None)

    @property
    def name(self) -> str:
        """The repository with its registry."""
        return f"{self.host}/{self.path}"

    @property
    def wanted(self) -> str:
        """What to ask the registry for: the digest, else the tag."""
        return self.digest or self.tag or "latest"

    def pinned_to(self, digest: str) -> "Reference":
        """Return the same image, pinned."""
        return Reference(self.host, self.path, self.tag, digest)

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"


def is_digest(text: str) -> bool:
    """Tell whether a text is ``sha256:`` and 64 lower-case hex digits."""
    return _DIGEST.fullmatch(text) is not None


def _split_tag(name: str) -> tuple[str, str | None]:
    """Cut the tag off: a colon behind the last slash, for one before it is a port's."""
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, None
    if not _TAG.fullmatch(tag):
        raise _no_reference("has a tag with characters that tags don't have")
    return head, tag


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not _looks_like_host(first):
        host, path = DOCKER_HUB, name
    else:
        host, path = first, rest
    if not _DOMAIN.fullmatch(host):
        raise _no_reference("has a registry that is no host")
    if host == "index.docker.io":
        host = DOCKER_HUB
    if not _PATH.fullmatch(path) or len(name) > _NAME_LENGTH:
        raise _no_reference("has a repository that is not lower-case words between slashes")
    if _IDENTIFIER.fullmatch(path):
        raise _no_reference("is an image id, which names nothing outside one machine")
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return host, path


def _looks_like_host(first: str) -> bool:
    return first == "localhost" or any(c in ".:" for c in first) or first != first.lower()


def _no_reference(why: str) -> EvidenceMalformed:
    return EvidenceMalformed(
        f"The image {why}.", advice="Write host/path:tag@sha256:…, as `docker pull` takes it."
    )
