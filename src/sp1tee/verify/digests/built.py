"""A locally built image, whatever it lies in."""

import hashlib
from dataclasses import dataclass

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.digests.documents import Config
from sp1tee.verify.digests.layers import BROKEN, CHUNK, Layer
from sp1tee.verify.digests.stores import Store


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


def check_blob(store: Store, name: str, digest: str) -> None:
    """Hash a stored file; raises `EvidenceMalformed` if it has another digest."""
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
