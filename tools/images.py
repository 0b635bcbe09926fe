"""Build the images of a commit, so that everybody who builds that commit gets the same bytes.

    python tools/images.py build    the images of HEAD, as OCI layouts in dist/images
    python tools/images.py show     what they are: digests to pin, and to compare
    python tools/images.py verify   build them once more, in a fresh clone, and compare
    python tools/images.py compose  the compose files with these images, by digest
    python tools/images.py load     hand them to Docker, named as in docker-compose.dev.yml

What is built is a commit, never what lies around in the checkout; its time is the time of
everything in the images. The build itself has no network: wheels are fetched before, each by its
hash. `docker buildx` builds where it is there, buildah elsewhere, to the same digests.

    BASE              a folder of `images_base.py`'s, to build on instead of the pinned base images
    SP1TEE_PROVER     an `sp1tee-prover` for the fulfiller (tools/build_native.py); without it the
                      image proves with what is mounted, or with mocks
    SP1_GPU_SERVER    SP1's `sp1-gpu-server` for the fulfiller (tools/build_gpu_server.py)

The exit code is 3 if something that the build needs is not installed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from images_builds import IMAGES, ROOT, Build, Commit, fresh_clone
from images_compose import Place, write_all
from images_engines import ENGINES, find_engine
from images_layouts import Image, read_image
from images_load import load

OUT: Final = ROOT / "dist" / "images"
COMPOSE: Final = ROOT / "compose"
_LABEL: Final = "org.opencontainers.image"
_PROGRAMS: Final = {"native": "SP1TEE_PROVER", "gpu": "SP1_GPU_SERVER"}


def build(flags: argparse.Namespace) -> None:
    """Build the images, and say what they are."""
    order = _order(flags, Commit(ROOT, flags.commit), flags.source)
    for name in flags.image or IMAGES:
        print(name, described(order.make(name, flags.out)), sep="\n")


def show(flags: argparse.Namespace) -> None:
    """Say what the images are, and how to compare them with published ones."""
    names = flags.image or IMAGES
    for name in names:
        print(name, described(read_image(flags.out / name)), sep="\n")
    built = " ".join(f"--built {name}=oci-layout:{flags.out / name}" for name in names)
    print(f"compare: sp1tee verify digests compose/docker-compose.yml {built}")


def verify(flags: argparse.Namespace) -> None:
    """Build the images once more, in a fresh clone, and compare."""
    differ = []
    with tempfile.TemporaryDirectory() as again:
        for name in flags.image or IMAGES:
            first = read_image(flags.out / name)
            with fresh_clone(Commit(ROOT, first.labels[f"{_LABEL}.revision"])) as commit:
                order = _order(flags, commit, first.labels[f"{_LABEL}.source"])
                second = order.make(name, Path(again))
            same = first.manifest == second.manifest
            print(f"{name} is {'the same' if same else 'another'}: {second.manifest}")
            differ += [] if same else [name]
    if differ:
        sys.exit(f"not reproduced: {', '.join(differ)}")


def compose(flags: argparse.Namespace) -> None:
    """Write the compose files with these images, and an app-compose.json."""
    images = {}
    for name in IMAGES:
        image = read_image(flags.out / name)
        version = image.labels[f"{_LABEL}.version"]
        images[name] = f"{flags.repository}/sp1tee-{name}:{version}@{image.manifest}"
    written = write_all(COMPOSE, flags.to, images, Place(flags.domain, flags.gateway))
    for path, digest in written.items():
        print(f"{digest}  {path}")


def load_all(flags: argparse.Namespace) -> None:
    """Hand the images to Docker, named as in docker-compose.dev.yml."""
    for name in flags.image or IMAGES:
        load(read_image(flags.out / name), f"sp1tee/{name}:dev")


def described(image: Image) -> str:
    """Describe an image: one digest a line."""
    lines = (
        ("manifest", image.manifest),
        ("config", image.config),
        *(("diff_id", diff_id) for diff_id in image.diff_ids),
        ("revision", image.labels.get(f"{_LABEL}.revision", "")),
        ("version", image.labels.get(f"{_LABEL}.version", "")),
        ("size", f"{image.size / 1e6:.1f} MB to pull, {image.unpacked / 1e6:.1f} MB unpacked"),
    )
    return "\n".join(f"  {key:9}{value}" for key, value in lines)


def _order(flags: argparse.Namespace, commit: Commit, source: str | None) -> Build:
    base = os.environ.get("BASE")
    programs = {stage: os.environ.get(variable) for stage, variable in _PROGRAMS.items()}
    return Build(
        commit,
        find_engine(flags.engine),
        commit.source if source is None else source,
        Path(base) if base else None,
        {stage: Path(path) for stage, path in programs.items() if path},
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = made.add_subparsers(required=True)
    for run in (build, show, verify, compose, load_all):
        name = run.__name__.removesuffix("_all")
        command = commands.add_parser(name, help=(run.__doc__ or "").splitlines()[0])
        command.set_defaults(run=run)
        command.add_argument("--out", type=Path, default=OUT, metavar="FOLDER")
        if run is not compose:
            command.add_argument("--image", action="append", choices=IMAGES)
        if run in (build, verify):
            command.add_argument("--engine", choices=ENGINES)
        if run is build:
            command.add_argument("--commit", default="HEAD")
            command.add_argument("--source", metavar="URL", help="the repository, for everybody")
        if run is compose:
            command.add_argument("--repository", required=True, metavar="HOST/PATH")
            command.add_argument("--domain", default=Place().domain)
            command.add_argument("--gateway", default=Place().gateway)
            command.add_argument("--to", type=Path, default=COMPOSE, metavar="FOLDER")
    return made


def main() -> None:
    """Command line."""
    flags = parser().parse_args()
    flags.run(flags)


if __name__ == "__main__":
    main()
