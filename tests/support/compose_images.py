"""The images that `tools/images.py` has built, for those who load, push and run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.oci import Image

TOOL = Path(__file__).parents[2] / "tools" / "images.py"
NAMES = ("server", "fulfiller")


def built_images() -> Path:
    """Return the folder of the images' layouts; skips where nothing was built."""
    folder = os.environ.get("SP1TEE_IMAGES")
    if folder is None:
        pytest.skip("needs SP1TEE_IMAGES, the folder in which tools/images.py has built")
    return Path(folder).resolve()


def images_tool(command: str, images: Path, *flags: str, **variables: str) -> None:
    """Run `tools/images.py`, which must succeed."""
    done = subprocess.run(
        [sys.executable, str(TOOL), command, "--out", str(images), *flags],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def read_layout(folder: Path) -> Image:
    """Read a layout that has one image."""
    (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = _blob(folder, entry["digest"])
    named = json.loads(manifest)
    config, *layers = (
        _blob(folder, each["digest"]) for each in (named["config"], *named["layers"])
    )
    return Image(manifest, config, tuple(layers), media_type=named["mediaType"])


def _blob(folder: Path, digest: str) -> bytes:
    return (folder / "blobs" / digest.replace(":", "/")).read_bytes()
