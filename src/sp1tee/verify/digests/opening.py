"""Opening built images: OCI image layouts and what `docker save` writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sp1tee.errors import EvidenceFileError
from sp1tee.verify.digests import docker_archives, oci_layouts
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.stores import Folder, Store, open_archive
from sp1tee.verify.reading import is_folder, is_there


@contextmanager
def open_built(path: Path, kind: str, platform: Platform) -> Iterator[BuiltImage]:
    """Open a built image and check that its parts have the digests that it names.

    Args:
        path: an OCI image layout's folder, or a tar file.
        kind: ``oci`` for an image layout, ``docker`` for what `docker save` writes, ``any`` to
            look which one it is; an archive that is both is read as a layout.
        platform: which image to take, if there are several.

    Raises:
        EvidenceFileError: there is nothing.
        EvidenceMissing: there is no image for the platform in it.
        EvidenceMalformed: it is neither, or damaged.
        EvidenceTooLarge: a part is larger than anything genuine.
    """
    if is_folder(path):
        yield _read(Folder(path), str(path), kind, platform)
        return
    if not is_there(path):
        raise EvidenceFileError(f"{path} does not exist.", advice="Check the path.")
    with open_archive(path) as archive:
        yield _read(archive, str(path), kind, platform)


def _read(store: Store, source: str, kind: str, platform: Platform) -> BuiltImage:
    if kind == "any":
        kind = "oci" if store.has("index.json") else "docker"
    reader = oci_layouts.read if kind == "oci" else docker_archives.read
    return reader(store, source, platform)
