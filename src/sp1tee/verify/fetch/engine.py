"""Images of a Docker engine.

What an engine calls an image's id depends on where it keeps images. The classic stores name an
image by its configuration's digest and keep no manifest; containerd's image store, the default of
new installations, names it by the digest of its manifest or index. Which one it is is asked, for
the two digests look alike.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import docker
import requests
from docker.errors import DockerException, ImageNotFound

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, FetchError
from sp1tee.verify.digests.built import BuiltImage
from sp1tee.verify.digests.configs import diff_ids, settings
from sp1tee.verify.digests.documents import Config, read_platform
from sp1tee.verify.digests.opening import open_built
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.references import is_digest

SAVED: Final = 64 * 1024**3
"""How large a saved image may be."""

_SECONDS: Final = 60
_CONTAINERD: Final = "io.containerd.snapshotter"
_ADVICE: Final = (
    "Start it, or set DOCKER_HOST; or build with `--output type=oci,dest=FILE` and name "
    "`oci-archive:FILE`, which needs no engine."
)
_CANNOT_TELL: Final = (
    "this engine does not tell images that were built here from images that were pulled; a pulled "
    "image compared with itself proves nothing"
)
_PULLED: Final = (
    "this image was pulled from a registry or pushed to one; a pulled image compared with itself "
    "proves nothing"
)


@contextmanager
def open_engine_image(name: str, platform: Platform, *, layers: bool) -> Iterator[BuiltImage]:
    """Ask the engine that DOCKER_HOST names, or this machine's own, for an image.

    Args:
        name: a tag or an id.
        platform: which image to take, if the engine has several under the name.
        layers: whether its layers will be read; a classic engine need not save it otherwise.

    Raises:
        FetchError: no engine answers.
        EvidenceMissing: it has no such image.
        EvidenceMalformed: it answers with something else.
        EvidenceTooLarge: the image is larger than anything genuine.
    """
    with _Engine.connect() as engine:
        image = engine.inspect(name)
        if engine.containerd or layers:
            with tempfile.TemporaryDirectory(prefix="sp1tee-image-") as folder:
                path = engine.save(image, Path(folder) / "image.tar")
                with open_built(path, "any" if engine.containerd else "docker", platform) as built:
                    yield _checked(name, image, built, engine)
        else:
            yield _described(name, image, platform)


@dataclass(frozen=True, slots=True)
class _Inspected:
    id: str
    pulled: bool
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Engine:
    client: docker.DockerClient
    containerd: bool

    @classmethod
    @contextmanager
    def connect(cls) -> Iterator["_Engine"]:
        """Connect; whatever goes wrong with an engine is a `FetchError`."""
        try:
            client = docker.from_env(timeout=_SECONDS)
        except (DockerException, requests.RequestException, OSError, ValueError):
            raise FetchError("No Docker engine answers.", advice=_ADVICE) from None
        try:
            yield cls(client, _on_containerd(client.info()))
        except ImageNotFound:
            raise EvidenceMissing(
                "The Docker engine has no such image.", advice="`docker images` lists what it has."
            ) from None
        except (DockerException, requests.RequestException) as error:
            raise FetchError(
                f"The Docker engine does not answer as engines do ({type(error).__name__}).",
                advice=_ADVICE,
            ) from None
        finally:
            client.close()

    def inspect(self, name: str) -> _Inspected:
        """Ask for what the engine knows of an image."""
        attributes = self.client.images.get(name).attrs
        identity = attributes.get("Id")
        if not isinstance(identity, str) or not is_digest(identity):
            raise EvidenceMalformed("The Docker engine names an image without a digest.")
        return _Inspected(identity, bool(attributes.get("RepoDigests")), attributes)

    def save(self, image: _Inspected, path: Path) -> Path:
        """Save an image to a file."""
        size = 0
        with path.open("wb") as file:
            # By its id: a tag can be moved between two questions.
            for part in self.client.api.get_image(image.id):
                size += file.write(part)
                if size > SAVED:
                    raise EvidenceTooLarge(f"The image has more than {SAVED} bytes.")
        return path


def _on_containerd(info: Mapping[str, Any]) -> bool:
    status = info.get("DriverStatus") or ()
    return any(
        isinstance(pair, list) and pair[:1] == ["driver-type"] and _CONTAINERD in str(pair[1:])
        for pair in status
    )


def _checked(name: str, image: _Inspected, built: BuiltImage, engine: _Engine) -> BuiltImage:
    """Make sure that the saved image is the one that was asked for."""
    names = built.digests if engine.containerd else (built.config.digest,)
    if image.id not in names:
        raise EvidenceMalformed(
            "The Docker engine saved another image than the one it was asked for."
        )
    notes = (_CANNOT_TELL,) if engine.containerd else _pulled(image)
    return replace(built, source=f"docker-image:{name}", notes=notes)


def _described(name: str, image: _Inspected, platform: Platform) -> BuiltImage:
    """Make an image out of what a classic engine tells."""
    said = image.attributes
    words = {key.lower(): said.get(key) for key in ("Os", "Architecture", "Variant")}
    rootfs = said.get("RootFS")
    config = Config(
        image.id,
        read_platform(words, "The Docker engine's image"),
        diff_ids(rootfs.get("Layers") or [] if isinstance(rootfs, dict) else None),
        settings(said.get("Config")),
    )
    if not platform.takes(config.platform):
        raise EvidenceMissing(
            f"The image is for {config.platform}, not for {platform}.",
            advice="Build it with `--platform`, or name its platform with `--platform`.",
        )
    return BuiltImage(f"docker-image:{name}", (), config, (), _pulled(image))


def _pulled(image: _Inspected) -> tuple[str, ...]:
    return (_PULLED,) if image.pulled else ()
