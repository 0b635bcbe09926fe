"""Local builds, as `sp1tee verify digests` is told of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError, EvidenceFileError, VerifyError
from sp1tee.verify.compose import ComposeFile
from sp1tee.verify.digests import (
    Binaries,
    BuiltImage,
    ImageEvidence,
    ImageFacts,
    Platform,
    Rebuild,
    compare,
    examine,
    open_built,
    uses,
)
from sp1tee.verify.digests.documents import Config, Manifest
from sp1tee.verify.digests.rootfs import Rootfs
from sp1tee.verify.reading import is_there

_KINDS: Final = {
    "oci-layout": "oci",
    "oci-archive": "oci",
    "oci": "oci",
    "docker-archive": "docker",
    "tar": "any",
}
_ENGINE: Final = ("docker-image:", "docker-daemon:", "docker://")
_SPELLING: Final = (
    "Write SERVICE=oci-layout:FOLDER, oci-archive:FILE, docker-archive:FILE or docker-image:NAME."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed.

    Attributes:
        platform: what the images run on.
        registries: URLs by host; see `fetch_images`.
        roots: CAs of the registries.
        built: how each service's build was named.
        binary: the program to compare.
    """

    platform: Platform
    registries: Mapping[str, str]
    roots: Path | None
    built: Mapping[str, str]
    binary: str | None


def read_builds(typed: Sequence[str]) -> dict[str, str]:
    """Read ``SERVICE=IMAGE``; raises `ConfigError`."""
    found: dict[str, str] = {}
    for each in typed:
        service, equals, spelling = each.partition("=")
        if not equals or not service or not spelling:
            raise ConfigError(f"{each!r} names no service and image.", advice=_SPELLING)
        if service in found:
            raise ConfigError(f"Two builds are named for the service {service!r}.")
        found[service] = spelling
    return found


@contextmanager
def rebuilt(
    file: ComposeFile,
    service: str,
    spelling: str,
    images: Mapping[str, ImageEvidence],
    asked: Asked,
) -> Iterator[Rebuild]:
    """Open a service's build and compare what has to be compared while it is open.

    Raises:
        ConfigError: the build is named in no way that is understood.
        EvidenceFileError: it is not there.
    """
    with ExitStack() as stack:
        try:
            image = stack.enter_context(_open(spelling, asked))
        except EvidenceFileError:
            raise
        except VerifyError as error:
            yield Rebuild(error)
            return
        published = _published(file, service, images, asked)
        yield Rebuild(image, _binaries(published, image, asked))


def _open(spelling: str, asked: Asked) -> AbstractContextManager[BuiltImage]:
    for prefix in _ENGINE:
        if spelling.startswith(prefix):
            from sp1tee.verify.fetch.engine import open_engine_image

            name = spelling.removeprefix(prefix)
            return open_engine_image(name, asked.platform, layers=asked.binary is not None)
    kind, colon, path = spelling.partition(":")
    if colon and kind in _KINDS:
        return open_built(Path(path), _KINDS[kind], asked.platform)
    if is_there(Path(spelling)):
        return open_built(Path(spelling), "any", asked.platform)
    raise ConfigError(f"{spelling[:80]!r} is no image and no file.", advice=_SPELLING)


def _published(
    file: ComposeFile, service: str, images: Mapping[str, ImageEvidence], asked: Asked
) -> ImageFacts | None:
    use = next(use for use in uses(file) if use.subject == service)
    if use.reference is None or use.reference.digest is None:
        return None
    return examine(use.reference, images.get(use.image or "", ()), asked.platform)


def _binaries(
    published: ImageFacts | None, image: BuiltImage, asked: Asked
) -> Binaries | VerifyError | None:
    """Compare one program, if that was asked for and nothing stronger is the same."""
    if asked.binary is None or published is None or compare(published, image).level is not None:
        return None
    if not isinstance(published.manifest, Manifest) or not isinstance(published.config, Config):
        return None
    from sp1tee.verify.fetch.registry import published_layers

    layers = published_layers(
        published.reference,
        published.manifest,
        published.config,
        asked.registries,
        roots=asked.roots,
    )
    try:
        here = Rootfs(image.layers).sha256(asked.binary)
        there = Rootfs(layers).sha256(asked.binary)
    except VerifyError as error:
        return error
    return Binaries(asked.binary, here, there)
