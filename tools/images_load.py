"""Hand an image of ours to a Docker engine, of whatever age: `docker load` takes this from all."""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import IO

import native_cache
from images_layouts import Image


def load(image: Image, name: str) -> None:
    """Load an image under a name; ends the process if the engine refuses it."""
    native_cache.require("to load images", {"docker": "install Docker"})
    with subprocess.Popen(("docker", "load", "--quiet"), stdin=subprocess.PIPE) as engine:  # noqa: S607 - on PATH
        assert engine.stdin is not None
        write_archive(image, name, engine.stdin)
    if engine.returncode != 0:
        raise SystemExit(f"docker load failed with exit code {engine.returncode}")


def write_archive(image: Image, name: str, stream: IO[bytes]) -> None:
    """Write what `docker save` writes: a tar of the configuration, the layers and their list."""
    config = f"{image.config.removeprefix('sha256:')}.json"
    layers = [f"{path.name}/layer.tar" for path in image.layers]
    listing = [{"Config": config, "RepoTags": [name], "Layers": layers}]
    with tarfile.open(fileobj=stream, mode="w|") as archive:
        _add(archive, config, image.config_path)
        for layer, path in zip(layers, image.layers, strict=True):
            _add(archive, layer, path)
        _add(archive, "manifest.json", json.dumps(listing).encode())


def _add(archive: tarfile.TarFile, name: str, what: Path | bytes) -> None:
    content = what.read_bytes() if isinstance(what, Path) else what
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
