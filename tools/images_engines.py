"""What builds Dockerfiles: BuildKit through `docker buildx`, or buildah.

Neither build has a network: everything that it needs comes in folders. What they leave differs, and
is made the same by `images_layouts`.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import native_cache
from images_layouts import Image, read_image

BASES: Final = ("base", "builder")
"""The stand-ins that `images_base.py` makes, and in capitals the arguments of our Dockerfiles."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to build.

    Attributes:
        dockerfile: its path, inside of the context.
        context: the folder that is built.
        arguments: of the build.
        contexts: folders that stand in for stages, by name.
        stand_ins: what `images_base.py` has made, to build on; None: what the Dockerfile names.
    """

    dockerfile: str
    context: Path
    arguments: Mapping[str, str]
    contexts: Mapping[str, Path] = field(default_factory=dict)
    stand_ins: Path | None = None


class Engine(Protocol):
    """Builds images."""

    name: str

    def build(self, order: Order, folder: Path) -> Image:
        """Build into an empty folder, without a cache; ends the process if that fails."""
        ...


class Buildx:
    """BuildKit, by way of Docker's command. Its builder must be one that exports OCI layouts."""

    name = "buildx"

    def build(self, order: Order, folder: Path) -> Image:
        """Build into an empty folder."""
        native_cache.carry_out(
            *("docker", "buildx", "build", "--progress=plain", "--no-cache", "--network=none"),
            *("--provenance=false", "--sbom=false", "--platform=linux/amd64"),
            *(f"--output=type=oci,tar=false,dest={folder}", *self._bases(order.stand_ins)),
            *_options(order),
            env=os.environ,
        )
        return read_image(folder)

    @staticmethod
    def _bases(stand_ins: Path | None) -> Iterator[str]:
        # BuildKit asks after the images of all stages, also of those that a folder stands in for.
        if stand_ins is not None:
            yield "--build-arg=RUST=scratch"
        for name, layout in _layouts(stand_ins):
            yield f"--build-arg={name.upper()}=stand-in-{name}"
            source = f"oci-layout://{layout}@{read_image(layout).manifest}"
            yield f"--build-context=stand-in-{name}={source}"


class Buildah:
    """Buildah, which is in Debian and needs no daemon."""

    name = "buildah"

    def build(self, order: Order, folder: Path) -> Image:
        """Build into an empty folder."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
            store = (
                *("buildah", "--storage-driver=vfs"),
                *(f"--root={work}/store", f"--runroot={work}/run"),
            )
            native_cache.carry_out(
                *(*store, "build", "--isolation=chroot", "--format=docker", "--no-cache"),
                *("--layers=false", "--identity-label=false", "--platform=linux/amd64"),
                *("--tag=made", *self._bases(order.stand_ins), *_options(order)),
                env=os.environ,
                cwd=order.stand_ins,
            )
            native_cache.carry_out(
                *store, "push", "--quiet", "made", f"dir:{folder}", env=os.environ
            )
            native_cache.carry_out(*store, "rmi", "--all", "--force", env=os.environ)
        return read_image(folder)

    @staticmethod
    def _bases(stand_ins: Path | None) -> Iterator[str]:
        # Buildah names an image by where it lies, and names have no capitals: it lies right here.
        for name, layout in _layouts(stand_ins):
            yield f"--build-arg={name.upper()}=oci:{layout.name}"


def _layouts(stand_ins: Path | None) -> Iterator[tuple[str, Path]]:
    if stand_ins is not None:
        yield from ((name, (stand_ins / name).resolve()) for name in BASES)


def _options(order: Order) -> Iterator[str]:
    yield f"--file={order.context / order.dockerfile}"
    for name, value in order.arguments.items():
        yield f"--build-arg={name}={value}"
    for name, folder in order.contexts.items():
        yield f"--build-context={name}={folder}"
    yield str(order.context)


ENGINES: Final[Mapping[str, Engine]] = {"buildx": Buildx(), "buildah": Buildah()}
"""In the order of preference."""

_PROBES: Final = {"buildx": ("docker", "buildx", "version"), "buildah": ("buildah", "--version")}


def find_engine(name: str | None = None) -> Engine:
    """Return the engine of a name, or the first one that is installed."""
    wanted = ENGINES if name is None else (name,)
    found = next((each for each in wanted if _runs(_PROBES[each])), None)
    if found is None:
        native_cache.say_missing(
            "Missing to build images: docker buildx (https://docs.docker.com/build), or",
            "buildah: apt-get install buildah",
        )
    return ENGINES[found]


def _runs(probe: tuple[str, ...]) -> bool:
    if shutil.which(probe[0]) is None:
        return False
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0  # noqa: S603 - fixed words
