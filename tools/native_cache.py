"""What the builds of native programs share: a cache outside the checkout.

A build is a folder of the cache, under a hash of everything that has a say in it. It is there
whole or not at all, and two who want the same one make it once.

    SP1TEE_NATIVE_CACHE   another cache folder
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

# The exit code if something is not installed: nothing was tried, nothing has failed.
MISSING: Final = 3
RUST: Final = dict.fromkeys(("cargo", "rustc"), "install Rust from https://rustup.rs")


def cache() -> Path:
    """Return the folder that holds every build."""
    if chosen := os.environ.get("SP1TEE_NATIVE_CACHE"):
        return Path(chosen)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "sp1tee" / "native"


def require(purpose: str, needed: Mapping[str, str]) -> None:
    """End unless all these programs are on PATH; the values say how to get them."""
    missing = [f"{name}: {advice}" for name, advice in needed.items() if not shutil.which(name)]
    if missing:
        say_missing(f"Missing {purpose}:", *missing)


def say_missing(*lines: str) -> NoReturn:
    """End with the exit code of what is not installed."""
    print(*lines, sep="\n  ", file=sys.stderr)
    sys.exit(MISSING)


def answer(*command: str, cwd: Path | None = None) -> bytes:
    """Return what a program says."""
    return subprocess.run(command, capture_output=True, check=True, cwd=cwd).stdout  # noqa: S603 - fixed words


def carry_out(*command: str, env: Mapping[str, str], cwd: Path | None = None) -> None:
    """Run a command, its output on standard error, and end if it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, stdout=sys.stderr, check=False)  # noqa: S603 - no shell
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:2])} failed with exit code {done.returncode}")


def finished(folder: Path, files: tuple[str, ...]) -> list[Path] | None:
    """Return the files of a build, or None unless all are there."""
    paths = [folder / name for name in files]
    return paths if all(path.is_file() for path in paths) else None


def provide(folder: Path, files: tuple[str, ...], make: Callable[[Path], None]) -> list[Path]:
    """Return the files of a build; make it if it is not there.

    Args:
        folder: where the build is to stand.
        files: what it consists of.
        make: fills an empty folder with them.
    """
    if finished(folder, files) is None:
        with _only_one(folder.parent):
            if finished(folder, files) is None:
                _make_whole(folder, make)
    return [folder / name for name in files]


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_whole(folder: Path, make: Callable[[Path], None]) -> None:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    make(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
