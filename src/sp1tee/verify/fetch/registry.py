"""Asking registries for the images of a docker-compose file.

What comes is only sorted here; `sp1tee.verify.digests` hashes and reads it.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify.digests.documents import Config, Index, Manifest, digest_of, read_document
from sp1tee.verify.digests.layers import Layer
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.published import choose
from sp1tee.verify.digests.references import Reference
from sp1tee.verify.evidence.manifest import ImageManifest, Trouble
from sp1tee.verify.fetch.repository import EVERY_HOST, Repository
from sp1tee.verify.fetch.side_by_side import side_by_side

_AT_ONCE: Final = 4
_TEXT: Final = 256

__all__ = ["EVERY_HOST", "Fetched", "fetch_images", "published_layers"]

Fetched = tuple[ImageManifest, bytes | None]


def fetch_images(
    references: Iterable[str],
    platform: Platform,
    registries: Mapping[str, str] | None = None,
    *,
    roots: Path | None = None,
) -> tuple[Fetched, ...]:
    """Ask registries for images.

    For a pinned image that is its manifest, the platform's one if that is an index, and the
    configuration; for one with a tag only what the tag leads to now.

    Args:
        references: images as a compose file names them; what is no reference is left out.
        platform: whose manifest to take of an index.
        registries: URLs to ask instead of a host, by the host's name as it stands in references
            (``docker.io`` for Docker Hub), or `EVERY_HOST`.
        roots: a PEM file of CAs, instead of the public ones.

    Returns:
        Records without a file, each with its body; None where there is trouble.
    """
    named = dict.fromkeys(references)
    ask = partial(_image, platform=platform, registries=registries or {}, roots=roots)
    found = side_by_side(ask, list(named), at_once=_AT_ONCE)
    return tuple(fetched for image in found for fetched in image)


def published_layers(
    reference: Reference,
    manifest: Manifest,
    config: Config,
    registries: Mapping[str, str] | None = None,
    *,
    roots: Path | None = None,
) -> tuple[Layer, ...]:
    """Return an image's layers, which are fetched piece by piece when they are read."""
    repository = Repository.of(reference, registries or {}, roots)
    return tuple(
        Layer(diff_id, partial(repository.open_blob, layer.digest, layer.size))
        for diff_id, layer in zip(config.diff_ids, manifest.layers, strict=False)
    )


def _image(
    text: str, platform: Platform, registries: Mapping[str, str], roots: Path | None
) -> tuple[Fetched, ...]:
    try:
        reference = Reference.parse(text)
    except VerifyError:
        return ()
    repository = Repository.of(reference, registries, roots)
    return tuple(_follow(text, reference, repository, platform))


def _follow(
    text: str, reference: Reference, repository: Repository, platform: Platform
) -> Iterator[Fetched]:
    pin = reference.digest
    first = _fetch(text, repository, "manifests", reference.wanted, None)
    yield first
    body = first[1]
    if pin is None or body is None or digest_of(body) != pin:
        return
    manifest = _document(body)
    if isinstance(manifest, Index):
        fitting = choose(manifest, platform).fitting
        if len(fitting) != 1:
            return
        second = _fetch(text, repository, "manifests", fitting[0].digest, pin)
        yield second
        manifest = None if second[1] is None else _document(second[1])
    if isinstance(manifest, Manifest):
        yield _fetch(text, repository, "blobs", manifest.config.digest, pin)


def _document(body: bytes) -> Index | Manifest | None:
    try:
        return read_document(body)
    except VerifyError:
        return None


def _fetch(text: str, repository: Repository, kind: str, name: str, of: str | None) -> Fetched:
    url = repository.url(kind, name)
    digest = name if name.startswith("sha256:") else None
    record = ImageManifest(reference=text, url=url, digest=digest, of=of)
    try:
        answer = repository.manifest(name) if kind == "manifests" else repository.blob(name)
    except VerifyError as error:
        trouble = Trouble.of(error, _TEXT)
        return record.model_copy(update={"trouble": trouble}), None
    # A blob's type is its descriptor's say; storage behind a registry calls all of them bytes.
    told = answer.headers.get("content-type") if kind == "manifests" else None
    media_type = None if told is None else told.split(";")[0].strip()[:_TEXT]
    seen = {"digest": digest or digest_of(answer.body), "media_type": media_type}
    return record.model_copy(update=seen), answer.body
