"""Images that exist as far as a registry tells: manifests, configs, and an index (OCI 1.1)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from sp1tee.sim.ingress.replies import Reply

REGISTRY: Final = "registry.example.test"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a registry holds."""

    body: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """What pins it."""
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"

    def described(self, **more: object) -> dict[str, object]:
        """Write its descriptor."""
        return {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.body),
            **more,
        }


@dataclass(frozen=True, slots=True)
class Image:
    """An image.

    Attributes:
        repository: its name in the registry.
        top: what its pin is of: a manifest, or an index of several.
        manifests: all of its manifests.
        blobs: its configs.
    """

    repository: str
    top: Blob
    manifests: tuple[Blob, ...]
    blobs: tuple[Blob, ...]

    @property
    def pinned(self) -> str:
        """The reference that pins it."""
        return f"{REGISTRY}/{self.repository}@{self.top.digest}"


def single(repository: str) -> Image:
    """Make an image for one platform."""
    manifest, config = _build(repository, "amd64")
    return Image(repository, manifest, (manifest,), (config,))


def indexed(repository: str) -> Image:
    """Make an image for two platforms, pinned by its index."""
    built = {arch: _build(repository, arch) for arch in ("amd64", "arm64")}
    platforms = [
        manifest.described(platform={"architecture": arch, "os": "linux"})
        for arch, (manifest, _) in built.items()
    ]
    top = _blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms}, INDEX)
    manifests, configs = zip(*built.values(), strict=True)
    return Image(repository, top, (top, *manifests), configs)


def site(images: tuple[Image, ...]) -> dict[str, Reply]:
    """Serve images as a registry does (OCI distribution 1.1)."""
    pages = {"/v2/": _json_reply(b"{}")}
    for image in images:
        base = f"/v2/{image.repository}"
        for manifest in image.manifests:
            pages[f"{base}/manifests/{manifest.digest}"] = serve(manifest)
        pages[f"{base}/manifests/latest"] = serve(image.top)
        for blob in image.blobs:
            pages[f"{base}/blobs/{blob.digest}"] = serve(blob)
    return pages


def serve(blob: Blob) -> Reply:
    """Answer with a blob and, as registries do, with a hint at its digest."""
    return Reply(blob.body, blob.media_type, headers=(("docker-content-digest", blob.digest),))


def _build(repository: str, architecture: str) -> tuple[Blob, Blob]:
    layer = hashlib.sha256(f"sim {repository} {architecture}".encode()).hexdigest()
    config = _blob(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [f"/{repository.rpartition('/')[2]}"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        },
        _CONFIG,
    )
    described = {"mediaType": _LAYER, "digest": f"sha256:{layer}", "size": 1024}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.described(),
        "layers": [described],
    }
    return _blob(manifest, MANIFEST), config


def _blob(value: object, media_type: str) -> Blob:
    return Blob(json.dumps(value, separators=(",", ":")).encode(), media_type)


def _json_reply(body: bytes) -> Reply:
    return Reply(body, "application/json")
