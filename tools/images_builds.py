"""What an image is made of: a commit, wheels by their hashes, and native programs."""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import native_cache
from images_engines import Engine, Order
from images_layouts import Image, read_image, rewrite
from images_locks import Locks, fetch

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ("server", "fulfiller")
PROGRAMS: Final = {"native": "sp1tee-prover", "gpu": "sp1-gpu-server"}
"""Native programs that the fulfiller may have, by the stages of its Dockerfile."""

# What an image may be made of; nothing else of the commit has a say in it.
_INPUTS: Final = (
    *("pyproject.toml", "README.md", "LICENSE", "src", "compose", "native"),
    *("tools/images_assemble.py", "tools/images_fetch.py"),
)


@dataclass(frozen=True)
class Commit:
    """A commit of a checkout.

    Attributes:
        root: the checkout.
        name: which commit, as git understands it.
    """

    root: Path = ROOT
    name: str = "HEAD"

    @cached_property
    def revision(self) -> str:
        """Its full name."""
        return self._git("rev-parse", "--verify", f"{self.name}^{{commit}}")

    @cached_property
    def epoch(self) -> int:
        """When it was made, in Unix seconds."""
        return int(self._git("show", "--no-patch", "--format=%ct", self.revision))

    @cached_property
    def source(self) -> str:
        """Where its repository is for everybody; empty if this checkout does not know."""
        try:
            return public_url(self._git("remote", "get-url", "origin"))
        except subprocess.CalledProcessError:
            return ""

    def unpack(self, folder: Path) -> None:
        """Lay out what an image is made of."""
        folder.mkdir(parents=True, exist_ok=True)
        # Python's own way needs a filter to be safe and quiet, which its first 3.11 does not have.
        unpack = ("tar", "--extract", "--same-permissions", "--no-same-owner")
        with tempfile.NamedTemporaryFile() as archive:
            native_cache.answer(
                *("git", "-C", str(self.root), "-c", "tar.umask=0022", "archive"),
                *("--format=tar", f"--output={archive.name}", self.revision, "--", *_INPUTS),
            )
            native_cache.answer(*unpack, f"--file={archive.name}", f"--directory={folder}")

    def _git(self, *words: str) -> str:
        return native_cache.answer("git", "-C", str(self.root), *words).decode().strip()


def public_url(remote: str) -> str:
    """Return a remote's address for the public, whatever way it is reached from here.

    What is no address of a host gives nothing: a path says nothing to others.
    """
    ssh = re.fullmatch(r"(?:ssh://)?(?:[^@/]+@)(?P<host>[^:/]+)[:/](?P<path>.+)", remote)
    web = re.fullmatch(r"https://(?:[^@/]+@)?(?P<host>[^/]+)/(?P<path>.+)", remote)
    found = web or ssh
    return f"https://{found['host']}/{found['path'].removesuffix('.git')}" if found else ""


@dataclass(frozen=True, slots=True)
class Build:
    """How images are built.

    Attributes:
        commit: what of.
        engine: what by.
        source: where the repository is for everybody.
        stand_ins: what `images_base.py` has made, to build on; None: the pinned images.
        programs: native programs of the fulfiller, by the stage that they stand in for.
    """

    commit: Commit
    engine: Engine
    source: str
    stand_ins: Path | None
    programs: Mapping[str, Path]

    def make(self, name: str, out: Path) -> Image:
        """Build one image into a layout."""
        with tempfile.TemporaryDirectory(prefix="sp1tee-image-") as work:
            context = Path(work) / "context"
            self.commit.unpack(context)
            order = Order(
                f"compose/Dockerfile.{name}",
                context,
                self._arguments(context),
                self._contexts(name, context, Path(work)),
                self.stand_ins,
            )
            built = self.engine.build(order, Path(work) / "built")
            return rewrite(
                built,
                out / name,
                base=self._base(context / order.dockerfile),
                maker=order.dockerfile,
                epoch=self.commit.epoch,
            )

    def _arguments(self, context: Path) -> Mapping[str, str]:
        project = tomllib.loads((context / "pyproject.toml").read_text())["project"]
        made = datetime.fromtimestamp(self.commit.epoch, UTC)
        return {
            "SOURCE_DATE_EPOCH": str(self.commit.epoch),
            "SOURCE": self.source,
            "REVISION": self.commit.revision,
            "VERSION": project["version"],
            "CREATED": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _contexts(self, name: str, context: Path, work: Path) -> dict[str, Path]:
        locks = Locks(context)
        wheels = work / "wheels"
        for lock in ("build", name):
            fetch(locks.path(lock), wheels)
        return {"wheels": wheels} | (self._native(work) if name == "fulfiller" else {})

    def _native(self, work: Path) -> dict[str, Path]:
        """Lay out a folder for each native program; empty without it."""
        folders = {stage: work / stage for stage in PROGRAMS}
        for stage, folder in folders.items():
            folder.mkdir()
            if stage in self.programs:
                shutil.copy(self.programs[stage], folder / PROGRAMS[stage])
        return folders

    def _base(self, dockerfile: Path) -> str:
        if self.stand_ins is not None:
            return f"stand-in@{read_image(self.stand_ins / 'base').manifest}"
        (pinned,) = re.findall(r"^ARG BASE=(\S+)$", dockerfile.read_text(), re.MULTILINE)
        return str(pinned)


@contextmanager
def fresh_clone(commit: Commit) -> Iterator[Commit]:
    """Yield a commit in a clone of its checkout, somewhere else."""
    with tempfile.TemporaryDirectory(prefix="sp1tee-clone-") as folder:
        clone = ("git", "clone", "--quiet", "--no-checkout", str(commit.root), folder)
        native_cache.carry_out(*clone, env=os.environ)
        yield Commit(Path(folder), commit.revision)
