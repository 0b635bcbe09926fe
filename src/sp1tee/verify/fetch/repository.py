"""One repository of a registry: the OCI distribution specification v1.1, without credentials.

A registry that wants a token gets the anonymous one that its own token service gives to anybody
(distribution.github.io, "Token Authentication"). It is sent to the registry alone: what it
redirects to gets none. Nothing that comes is believed here.
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from sp1tee.errors import EvidenceMissing, FetchError
from sp1tee.verify.digests.documents import INDEX_TYPES, MANIFEST_TYPES, SIZE
from sp1tee.verify.digests.references import DOCKER_HUB, Reference
from sp1tee.verify.fetch.http import Response, get
from sp1tee.verify.reading import read_object

EVERY_HOST: Final = "*"
"""Key of a registry that is asked for all images."""

PIECE: Final = 16 * 1024 * 1024
"""How much of a layer is fetched at a time: so much of it is in memory, however large it is."""

_SECONDS: Final = 30.0
_PIECE_SECONDS: Final = 120.0
_HOPS: Final = 3
_TOKEN_SIZE: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ACCEPT: Final = ", ".join(sorted(INDEX_TYPES | MANIFEST_TYPES))
_PARAMETER: Final = re.compile(r'\s*([A-Za-z_]+)="([^"\\\x00-\x1f]*)"\s*(?:,|$)')
# RFC 6750 §2.1, b64token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_LENGTH: Final = 16 * 1024


@dataclass(slots=True)
class Repository:
    """One repository of one registry.

    Attributes:
        base: the registry's URL.
        path: the repository's name.
        roots: a PEM file of CAs, instead of the public ones.
    """

    base: str
    path: str
    roots: Path | None = None
    _token: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, reference: Reference, registries: Mapping[str, str], roots: Path | None
    ) -> "Repository":
        """Find where a reference's repository is."""
        host = "registry-1.docker.io" if reference.host == DOCKER_HUB else reference.host
        base = registries.get(reference.host) or registries.get(EVERY_HOST) or f"https://{host}"
        return cls(base.rstrip("/"), reference.path, roots)

    def url(self, kind: str, name: str) -> str:
        """Return the address of a manifest or blob."""
        return f"{self.base}/v2/{self.path}/{kind}/{name}"

    def manifest(self, name: str) -> Response:
        """Fetch a manifest by its tag or digest; raises `VerifyError`."""
        return self._found(self.url("manifests", name), {"accept": _ACCEPT}, SIZE, _SECONDS)

    def blob(self, digest: str) -> Response:
        """Fetch a blob that is a document; raises `VerifyError`."""
        return self._found(self.url("blobs", digest), {}, SIZE, _SECONDS)

    def open_blob(self, digest: str, size: int) -> io.BufferedReader:
        """Open a blob of any size; reading it raises `VerifyError`."""
        return io.BufferedReader(_Pieces(self, digest, size), PIECE)

    def piece(self, digest: str, start: int, end: int) -> bytes:
        """Fetch the bytes of a blob from `start` up to `end`, that one left out."""
        headers = {"range": f"bytes={start}-{end - 1}"}
        answer = self._found(self.url("blobs", digest), headers, end - start, _PIECE_SECONDS)
        ranged = answer.headers.get("content-range", "").startswith(f"bytes {start}-{end - 1}/")
        if len(answer.body) != end - start or (not ranged and (answer.status, start) != (200, 0)):
            raise FetchError("The registry serves another part of a layer than was asked for.")
        return answer.body

    def _found(self, url: str, headers: Mapping[str, str], limit: int, seconds: float) -> Response:
        answer = self._answer(url, headers, limit, seconds)
        if answer.status in {200, 206}:
            return answer
        who = urlsplit(answer.url).hostname
        match answer.status:
            case 404:
                raise EvidenceMissing(
                    f"{who} has no such image.", advice="Check the image's name and digest."
                )
            case 401 | 403:
                raise FetchError(
                    f"{who} gives this image to nobody without credentials.",
                    advice="Publish the image, or name a mirror with `--registry HOST=URL`.",
                )
            case 429:
                raise FetchError(f"{who} was asked too often.", advice="Try again later.")
            case _:
                raise FetchError(
                    f"{who} answers with status {answer.status}.", advice="Try again later."
                )

    def _answer(self, url: str, headers: Mapping[str, str], limit: int, seconds: float) -> Response:
        answer = self._ask(url, headers, limit, seconds)
        if answer.status == 401:  # noqa: PLR2004 - the number is its name
            self._token = self._new_token(answer.headers.get("www-authenticate", ""))
            answer = self._ask(url, headers, limit, seconds)
        for _ in range(_HOPS):
            if answer.status not in _REDIRECTS:
                return answer
            target = self._trusted(answer.headers.get("location", ""), answer.url)
            answer = get(target, limit=limit, seconds=seconds, headers=headers, roots=self.roots)
        raise FetchError(f"{urlsplit(url).hostname} redirects too often.")

    def _ask(self, url: str, headers: Mapping[str, str], limit: int, seconds: float) -> Response:
        sent = {**headers, "authorization": f"Bearer {self._token}"} if self._token else headers
        return get(url, limit=limit, seconds=seconds, headers=sent, roots=self.roots)

    def _new_token(self, challenge: str) -> str:
        """Get the token that anybody gets."""
        asked = parse_challenge(challenge)
        realm = self._trusted(asked.pop("realm"))
        asked.setdefault("scope", f"repository:{self.path}:pull")
        query = urlencode([(key, asked[key]) for key in ("service", "scope") if key in asked])
        separator = "&" if urlsplit(realm).query else "?"
        answer = get(
            f"{realm}{separator}{query}", limit=_TOKEN_SIZE, seconds=_SECONDS, roots=self.roots
        )
        if answer.status != 200:  # noqa: PLR2004 - the number is its name
            raise FetchError(
                f"{urlsplit(realm).hostname} gives no anonymous token.",
                advice="Publish the image, or name a mirror with `--registry HOST=URL`.",
            )
        return _token(answer.body)

    def _trusted(self, url: str, seen_from: str = "") -> str:
        """Refuse to be sent from the network to this machine, or from TLS to none."""
        try:
            target = urljoin(seen_from, url)
            scheme = urlsplit(target).scheme
        except ValueError:
            scheme = ""
        if scheme not in {"https", urlsplit(self.base).scheme}:
            raise FetchError(
                f"{urlsplit(self.base).hostname} leads to an address without TLS.",
                advice="Name a mirror with `--registry HOST=URL`.",
            )
        return target


def parse_challenge(header: str) -> dict[str, str]:
    """Read ``Bearer realm="…",service="…",scope="…"`` (RFC 6750 §3); raises `FetchError`."""
    scheme, _, rest = header.partition(" ")
    found: dict[str, str] = {}
    while rest and (match := _PARAMETER.match(rest)):
        if match[1].lower() in found:
            break
        found[match[1].lower()] = match[2]
        rest = rest[match.end() :]
    if scheme.lower() != "bearer" or rest or "realm" not in found:
        raise FetchError(
            "The registry asks for credentials of a kind that is not anonymous.",
            advice="Publish the image, or name a mirror with `--registry HOST=URL`.",
        )
    return found


def _token(body: bytes) -> str:
    answer = read_object(body, "The token service's answer", limit=_TOKEN_SIZE)
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or len(token) > _TOKEN_LENGTH or not _TOKEN.fullmatch(token):
        raise FetchError("The registry's token service gives no token.")
    return token


class _Pieces(io.RawIOBase):
    """A blob, fetched piece by piece."""

    def __init__(self, repository: Repository, digest: str, size: int) -> None:
        self._repository = repository
        self._digest = digest
        self._size = size
        self._at = 0
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Give what is there of the present piece, or fetch the next one."""
        if not self._piece and self._at < self._size:
            end = min(self._at + PIECE, self._size)
            self._piece = memoryview(self._repository.piece(self._digest, self._at, end))
            self._at = end
        part = self._piece[: len(buffer)]
        buffer[: len(part)] = part
        self._piece = self._piece[len(part) :]
        return len(part)
