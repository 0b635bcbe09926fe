"""OCI image layouts (image-spec v1.1, image-layout.md): what `just images` leaves behind.

An engine's image is written down anew, in one fixed form: the layers of its base, its own, and the
configuration. What an engine adds of itself (host names, times, a history that each tells in its
own way, how it packs) is gone, so that BuildKit's image and buildah's are the same image.
"""

import gzip
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, cast

from images_layers import Entry, Layer, digest_of_file, entries_of, pack, write_layer

Json = Mapping[str, Any]

_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_GZIP: Final = b"\x1f\x8b"
# What decides how a container starts. `Healthcheck` is Docker's own, and its engines keep it.
_SETTINGS: Final = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels"),
    *("StopSignal", "Healthcheck"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a layout.

    Attributes:
        path: the layout's folder.
        manifest: digest of the manifest, by which the image is pinned.
        config: digest of the configuration.
        diff_ids: digests of the unpacked layers, the lowest first.
        config_path: the configuration's blob.
        layers: the blobs of the packed ones.
        size: what is pushed and pulled, in bytes.
        settings: how a container of it starts.
    """

    path: Path
    manifest: str
    config: str
    diff_ids: tuple[str, ...]
    config_path: Path
    layers: tuple[Path, ...]
    size: int
    settings: Json

    @property
    def labels(self) -> Mapping[str, str]:
        """What is said about it."""
        return dict(self.settings.get("Labels") or {})

    @property
    def unpacked(self) -> int:
        """What all files of all layers measure together, in bytes."""
        return sum(map(_files_size, self.layers))


def read_image(folder: Path) -> Image:
    """Read the one image that an engine has left, or this module.

    It is an OCI layout, or a `dir:` of containers/image, which is the same without folders.
    """
    bare = folder / "manifest.json"
    if bare.exists():
        manifest, blobs = bare, folder
    else:
        blobs = folder / "blobs" / "sha256"
        (described,) = json.loads((folder / "index.json").read_bytes())["manifests"]
        manifest = blobs / _hex(described["digest"])
    written = json.loads(manifest.read_bytes())
    config_path = blobs / _hex(written["config"]["digest"])
    config = json.loads(config_path.read_bytes())
    sizes = (written["config"]["size"], *(layer["size"] for layer in written["layers"]))
    return Image(
        folder,
        digest_of_file(manifest),
        written["config"]["digest"],
        tuple(config["rootfs"]["diff_ids"]),
        config_path,
        tuple(blobs / _hex(layer["digest"]) for layer in written["layers"]),
        manifest.stat().st_size + sum(sizes),
        {key: value for key in _SETTINGS if (value := config["config"].get(key))},
    )


def rewrite(built: Image, folder: Path, *, base: str, maker: str, epoch: int) -> Image:
    """Write an engine's image down in the fixed form.

    Args:
        built: what the engine has left; its last layer is its own, all others are its base's.
        folder: where the layout is to be; what is there is removed.
        base: what the base is called in the history.
        maker: what the layer is said to be made by.
        epoch: when the image was made.
    """
    blobs = _fresh(folder)
    *below, own = built.layers
    layers = [_repacked(layer, blobs / str(number)) for number, layer in enumerate(below)]
    with tarfile.open(own) as archive:
        layers.append(write_layer(entries_of(archive), blobs / "own", epoch))
    steps = (*(f"FROM {base}" for _ in below), maker)
    return write_image(folder, layers, built.settings, steps=steps, epoch=epoch)


def make_image(
    folder: Path, entries: Mapping[str, Entry], settings: Json, *, maker: str, epoch: int
) -> Image:
    """Write a layout with an image of one layer; what is there is removed."""
    layer = write_layer(entries, _fresh(folder) / "own", epoch)
    return write_image(folder, [layer], settings, steps=(maker,), epoch=epoch)


def write_image(
    folder: Path, layers: list[Layer], settings: Json, *, steps: tuple[str, ...], epoch: int
) -> Image:
    """Write everything but the layers, and give these their names."""
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for layer in layers:
        layer.path.rename(layer.path.with_name(_hex(layer.digest)))
    config = {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": created, "created_by": step} for step in steps],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _write_blob(folder, _CONFIG, config),
        "layers": [
            {"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in layers
        ],
    }
    described = _write_blob(folder, _MANIFEST, manifest)
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [described]}
    (folder / "index.json").write_bytes(_encoded(index))
    (folder / "oci-layout").write_bytes(_encoded({"imageLayoutVersion": "1.0.0"}))
    return read_image(folder)


def _fresh(folder: Path) -> Path:
    """Return the place for blobs of an empty layout."""
    shutil.rmtree(folder, ignore_errors=True)
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    return blobs


def _repacked(layer: Path, path: Path) -> Layer:
    """Pack a layer as ours are packed: what an engine packs itself, each packs in its own way."""
    with layer.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        return pack(cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if packed else file, path)


def _files_size(layer: Path) -> int:
    with tarfile.open(layer) as archive:
        return sum(member.size for member in archive if member.isfile())


def _write_blob(folder: Path, media_type: str, content: Json) -> Json:
    data = _encoded(content)
    name = sha256(data).hexdigest()
    (folder / "blobs" / "sha256" / name).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}


def _encoded(content: Json) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
