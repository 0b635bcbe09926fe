"""OCI image layouts (image-spec v1.1, image-layout.md), as `buildx --output type=oci` writes them.

Engines with containerd's image store save images in this form too, and then with the manifests
that they have.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import (
    INDEX_TYPES,
    SIZE,
    Config,
    Descriptor,
    Index,
    Manifest,
    digest_of,
    read_document,
)
from sp1tee.verify.digests.layers import BROKEN, CHUNK, Layer
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.stores import Store, read_stored

_NESTING: Final = 3
_IMAGES: Final = 64
"""How many images are looked at for the right platform."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An image in a layout, and the indexes that lead to it, the nearest first."""

    manifest: Manifest
    config: Config
    indexes: tuple[str, ...]


def read(store: Store, source: str, platform: Platform) -> BuiltImage:
    """Read the one image for a platform.

    Raises:
        EvidenceMissing: there is none.
        EvidenceMalformed: there are several, or the layout is damaged.
        EvidenceTooLarge: a document is larger than anything genuine.
    """
    index = read_document(read_stored(store, "index.json", SIZE))
    if not isinstance(index, Index):
        raise EvidenceMalformed("The layout's index.json is no index.")
    every = {found.manifest.digest: found for found in _images(store, index, ())}
    fitting = [found for found in every.values() if platform.takes(found.config.platform)]
    if not fitting:
        built_for = ", ".join(sorted({str(f.config.platform) for f in every.values()})) or "nothing"
        raise EvidenceMissing(
            f"The layout has no image for {platform}; it has images for {built_for}.",
            advice="Build it with `--platform`, or name its platform with `--platform`.",
        )
    if len(fitting) > 1:
        raise EvidenceMalformed(
            f"The layout has {len(fitting)} images for {platform}.",
            advice="Write each image to a layout of its own.",
        )
    return _built(store, source, fitting[0])


def _images(store: Store, index: Index, indexes: tuple[str, ...]) -> Iterator[_Found]:
    if len(indexes) > _NESTING or len(index.manifests) > _IMAGES:
        raise EvidenceMalformed("The layout has more indexes in one another than builders make.")
    for entry in index.manifests:
        # An engine that pulled one platform has an index that names them all.
        if entry.is_attestation or not store.has(_path(entry.digest)):
            continue
        document = read_document(_blob(store, entry), entry.media_type)
        if isinstance(document, Index):
            yield from _images(store, document, (document.digest, *indexes))
        elif store.has(_path(document.config.digest)):
            yield _Found(document, read_config(_blob(store, document.config)), indexes)


def _built(store: Store, source: str, found: _Found) -> BuiltImage:
    layers = found.manifest.layers
    if len(layers) != len(found.config.diff_ids):
        raise EvidenceMalformed("The built image names more or fewer layers than it has.")
    for layer in layers:
        _check(store, layer.digest)
    return BuiltImage(
        source,
        (found.manifest.digest, *found.indexes),
        found.config,
        tuple(
            Layer(diff_id, partial(store.open, _path(layer.digest)))
            for diff_id, layer in zip(found.config.diff_ids, layers, strict=True)
        ),
    )


def _blob(store: Store, entry: Descriptor) -> bytes:
    data = read_stored(store, _path(entry.digest), SIZE)
    if digest_of(data) != entry.digest:
        raise EvidenceMalformed(
            f"The layout's {'index' if entry.media_type in INDEX_TYPES else 'document'} "
            f"{entry.digest} has other bytes than its name says.",
            advice="Build it again.",
        )
    return data


def _check(store: Store, digest: str) -> None:
    """Hash a layer as it is stored."""
    name = _path(digest)
    found = hashlib.sha256()
    try:
        with store.open(name) as file:
            while data := file.read(CHUNK):
                found.update(data)
    except BROKEN:
        raise EvidenceMalformed(f"The built image's {name[:80]} cannot be read.") from None
    if f"sha256:{found.hexdigest()}" != digest:
        raise EvidenceMalformed(
            f"The built image's {name[:80]} is not what its digest says.", advice="Build it again."
        )


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
