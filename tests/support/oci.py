"""Images made by hand: layers, configurations, manifests and indexes, byte by byte."""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from sp1tee.verify.digests.documents import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
)

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
BINARY = "/usr/local/bin/server"
PROGRAM = b"\x7fELF the program"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def tar(entries: Mapping[str, bytes | str | None], *, mtime: int = 0) -> bytes:
    """Make a tar stream: bytes are a file, text is a link's target, None is a folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.mtime = mtime
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type = tarfile.DIRTYPE if content is None else tarfile.SYMTYPE
                info.linkname = content or ""
                archive.addfile(info)
    return made.getvalue()


def pack(layer: bytes, how: str) -> bytes:
    match how:
        case "gzip":
            return gzip.compress(layer, mtime=0)
        case "zstd":
            return zstd.compress(layer)
        case _:
            return layer


@dataclass(frozen=True)
class Image:
    """One platform's image, with every blob that it needs."""

    manifest: bytes
    config: bytes
    layers: tuple[bytes, ...]
    uncompressed: tuple[bytes, ...] = ()
    media_type: str = OCI_MANIFEST
    architecture: str = "amd64"

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def descriptor(self) -> dict[str, object]:
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.manifest),
            "platform": {"os": "linux", "architecture": self.architecture},
        }

    @property
    def blobs(self) -> dict[str, bytes]:
        return {digest(blob): blob for blob in (self.config, *self.layers)}


DEFAULT_LAYERS = (
    tar({"etc": None, "etc/os-release": b"ID=debian\n"}),
    tar({"usr/local/bin/server": PROGRAM}),
)
SETTINGS = {"Entrypoint": [BINARY], "Env": ["PATH=/usr/bin", "HOME=/root"], "User": "1000"}


def image(
    layers: Sequence[bytes] = DEFAULT_LAYERS,
    *,
    settings: Mapping[str, object] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    packing: str = "gzip",
    architecture: str = "amd64",
    docker: bool = False,
    **changes: object,
) -> Image:
    """Make an image; `changes` replace fields of its manifest."""
    config = dumps(
        {
            "created": created,
            "architecture": architecture,
            "os": "linux",
            "config": SETTINGS if settings is None else settings,
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [
                {"created_by": "ENV PATH", "empty_layer": True},
                *({"created_by": f"RUN step {number}"} for number in range(1, len(layers) + 1)),
            ],
        }
    )
    packed = tuple(pack(layer, packing) for layer in layers)
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {
            "mediaType": DOCKER_CONFIG if docker else OCI_CONFIG,
            "digest": digest(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": DOCKER_LAYER if docker else OCI_LAYER,
                "digest": digest(blob),
                "size": len(blob),
            }
            for blob in packed
        ],
        **changes,
    }
    return Image(dumps(manifest), config, packed, tuple(layers), media_type, architecture)


@dataclass(frozen=True)
class MultiImage:
    """An index and the images that it names."""

    index: bytes
    images: tuple[Image, ...]
    media_type: str = OCI_INDEX
    others: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return digest(self.index)


def attestation(of: Image) -> Image:
    """Make what BuildKit adds to an index: provenance, which is no image."""
    made = image((b'{"predicateType":"https://slsa.dev/provenance/v1"}',), settings={})
    return Image(made.manifest, made.config, made.layers, (), made.media_type, of.architecture)


def index(*images: Image, attested: bool = False, docker: bool = False) -> MultiImage:
    entries = [each.descriptor for each in images]
    proofs = tuple(attestation(each) for each in images) if attested else ()
    entries += [
        {
            **proof.descriptor,
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
        for proof in proofs
    ]
    media_type = DOCKER_LIST if docker else OCI_INDEX
    body = dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries})
    return MultiImage(body, (*images, *proofs), media_type)


def layout_files(made: Image | MultiImage) -> dict[str, bytes]:
    """Return an OCI image layout, by file name."""
    images = made.images if isinstance(made, MultiImage) else (made,)
    blobs = {name: blob for each in images for name, blob in each.blobs.items()}
    blobs |= {each.digest: each.manifest for each in images}
    if isinstance(made, MultiImage):
        blobs[made.digest] = made.index
        entry: dict[str, object] = {
            "mediaType": made.media_type,
            "digest": made.digest,
            "size": len(made.index),
        }
    else:
        entry = {key: value for key, value in made.descriptor.items() if key != "platform"}
    return {
        "oci-layout": dumps({"imageLayoutVersion": "1.0.0"}),
        "index.json": dumps({"schemaVersion": 2, "manifests": [entry]}),
        **{f"blobs/sha256/{name.removeprefix('sha256:')}": blob for name, blob in blobs.items()},
    }


def write_layout(made: Image | MultiImage, folder: Path) -> Path:
    for name, data in layout_files(made).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_oci_archive(made: Image | MultiImage, path: Path) -> Path:
    path.write_bytes(tar(layout_files(made)))
    return path


def docker_archive(made: Image, *tags: str) -> bytes:
    """Return what a classic engine's `docker save` writes."""
    files: dict[str, bytes | str | None] = {}
    names = []
    for number, layer in enumerate(made.uncompressed):
        name = f"{number:064x}/layer.tar"
        files[name] = layer
        names.append(name)
    config = f"{digest(made.config).removeprefix('sha256:')}.json"
    listing = [{"Config": config, "RepoTags": list(tags) or None, "Layers": names}]
    return tar({**files, config: made.config, "manifest.json": dumps(listing)})


def write_docker_archive(made: Image, path: Path, *tags: str) -> Path:
    path.write_bytes(docker_archive(made, *tags))
    return path


def compose_text(**images: str) -> bytes:
    lines = ["services:"]
    for name, written in images.items():
        lines += [f"  {name}:", f"    image: {written}"]
    return "\n".join([*lines, ""]).encode()
