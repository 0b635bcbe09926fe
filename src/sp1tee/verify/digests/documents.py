"""What registries and image layouts hold: indexes, manifests and configurations, as JSON.

OCI image-spec v1.1 (image-index.md, manifest.md, config.md) and Docker's image manifest v2,
schema 2, which has the same fields under other media types.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.references import is_digest
from sp1tee.verify.facts import Json
from sp1tee.verify.reading import read_object

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"

INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES: Final = frozenset({OCI_CONFIG, DOCKER_CONFIG})

SIZE: Final = 1024 * 1024
"""How large a document may be: genuine ones have a few kilobytes, and a few hundred with the labels
of build packs."""
ENTRIES: Final = 1024
"""How many manifests or layers one may name: engines stop at 127 layers."""
_NAME: Final = 256


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A document or a layer that another document names."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None

    @property
    def is_attestation(self) -> bool:
        """Whether it is BuildKit's provenance or bill of materials, which is not run."""
        return self.platform is not None and self.platform.is_unknown


@dataclass(frozen=True, slots=True)
class Index:
    """The manifests of one image for several platforms."""

    digest: str
    manifests: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One platform's image: its configuration and its layers, the lowest first."""

    digest: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """An image's configuration.

    Attributes:
        digest: what classic Docker engines call the image's id.
        platform: what it was built for.
        diff_ids: digests of the uncompressed layers, the lowest first.
        settings: how a container of it starts, brought into one form; see `configs.py`.
        made_by: the build step of each layer, if the builder noted them; nothing rests on it.
    """

    digest: str
    platform: Platform
    diff_ids: tuple[str, ...]
    settings: Mapping[str, Json]
    made_by: tuple[str, ...] = ()


Document: TypeAlias = Index | Manifest


def digest_of(data: bytes) -> str:
    """Return a document's digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def read_document(data: bytes, media_type: str | None = None) -> Document:
    """Read an index or a manifest.

    Args:
        data: its bytes.
        media_type: what it was served or named as, if anybody said.

    Raises:
        EvidenceTooLarge: it is larger than anything genuine.
        EvidenceMalformed: it is neither, both (CVE-2021-41190), or not what `media_type` says.
    """
    body = read_object(data, "The manifest", limit=SIZE)
    if body.get("schemaVersion") != 2 or isinstance(body["schemaVersion"], bool):  # noqa: PLR2004
        raise EvidenceMalformed(
            "The manifest is not of schema version 2.",
            advice="Images of the old schema 1 name no configuration: push it again with a "
            "current engine.",
        )
    kind = _kind(body)
    _agree(kind, body.get("mediaType"), media_type)
    if kind is INDEX_TYPES:
        entries = _listing(body.get("manifests"), "manifests")
        return Index(digest_of(data), tuple(map(_descriptor, entries)))
    layers = _listing(body.get("layers"), "layers")
    config = _descriptor(body.get("config"))
    if config.media_type not in CONFIG_TYPES:
        raise EvidenceMalformed(
            "The manifest is of something that is not a container image.",
            advice="Registries hold charts and attestations too: pin the image itself.",
        )
    return Manifest(digest_of(data), config, tuple(map(_descriptor, layers)))


def _kind(body: Mapping[str, Json]) -> frozenset[str]:
    index, manifest = "manifests" in body, "config" in body or "layers" in body
    if index == manifest:
        raise EvidenceMalformed(
            f"The manifest is {'both' if index else 'neither'} an index {'and' if index else 'nor'}"
            " an image."
        )
    return INDEX_TYPES if index else MANIFEST_TYPES


def _agree(kind: frozenset[str], inside: Json, outside: str | None) -> None:
    """Refuse what one engine would read as an index and another one as an image."""
    if inside is not None and (not isinstance(inside, str) or inside not in kind):
        raise EvidenceMalformed("The manifest has a media type that is not its own.")
    if outside is not None and (outside not in kind or (inside is not None and inside != outside)):
        raise EvidenceMalformed("The manifest was served as something that it is not.")


def _descriptor(value: Json) -> Descriptor:
    fields = value if isinstance(value, dict) else {}
    media_type, digest, size = (fields.get(name) for name in ("mediaType", "digest", "size"))
    if not isinstance(media_type, str) or len(media_type) > _NAME:
        raise EvidenceMalformed("The manifest names something without its media type.")
    if not isinstance(digest, str) or not is_digest(digest):
        raise EvidenceMalformed("The manifest names something without a SHA-256 digest.")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**53:
        raise EvidenceMalformed("The manifest names something without its size.")
    return Descriptor(media_type, digest, size, _platform(fields.get("platform")))


def _platform(value: Json) -> Platform | None:
    return None if value is None else read_platform(value, "The manifest")


def read_platform(value: Json, what: str) -> Platform:
    """Read ``os``, ``architecture`` and ``variant`` out of an object."""
    fields = value if isinstance(value, dict) else {}
    words = [fields.get("os"), fields.get("architecture"), fields.get("variant") or ""]
    texts = [word for word in words if isinstance(word, str) and len(word) <= _NAME]
    if len(texts) != len(words):
        raise EvidenceMalformed(f"{what} has a platform that cannot be read.")
    return Platform(*texts)


def _listing(value: Json, name: str) -> list[Json]:
    if not isinstance(value, list):
        raise EvidenceMalformed(f"The manifest has {name} that are no list.")
    if len(value) > ENTRIES:
        raise EvidenceMalformed(f"The manifest has more than {ENTRIES} {name}.")
    return value
