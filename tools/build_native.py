"""Build the Rust programs of `native/` and print where they are.

`python tools/build_native.py` builds `sp1tee-prover` and `sdk-client` unless the cache has them:
outside the checkout, under a hash of their sources, the lock file, the compiler and the processor
they are made for. A first build fetches some 700 crates and takes half an hour on two cores;
later ones compile only our own code, and one that is already there needs no network. `--check`
builds nothing and fails when there is no build.

    SP1TEE_NATIVE_CACHE   another cache folder
    SP1TEE_NATIVE_CPU     a processor as rustc names it, `x86-64-v3` for a build to carry elsewhere;
                          by default the one at hand, which makes the prover fastest
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs

WORKSPACE: Final = Path(__file__).resolve().parent.parent / "native"
PROGRAMS: Final = ("sp1tee-prover", "sdk-client")
NEEDED: Final = {
    "cargo": "install Rust from https://rustup.rs",
    "protoc": "apt-get install protobuf-compiler libprotobuf-dev",
    "cc": "apt-get install build-essential",
    "cmake": "apt-get install cmake",
}


def cache() -> Path:
    """Return the folder that holds every build."""
    chosen = os.environ.get("SP1TEE_NATIVE_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("sp1tee")) / "native"


def target_cpu() -> str:
    """Return the processor the programs are compiled for."""
    return os.environ.get("SP1TEE_NATIVE_CPU", "native")


def sources() -> list[Path]:
    """Return every file that has a say in the programs, in a fixed order."""
    kinds = ("*.rs", "Cargo.toml", "Cargo.lock")
    found = {path for kind in kinds for path in WORKSPACE.rglob(kind)}
    return sorted(path for path in found if "target" not in path.relative_to(WORKSPACE).parts)


def fingerprint() -> str:
    """Return the name of the build that this checkout and this compiler would make."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(f"{path.relative_to(WORKSPACE)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for question in (
        ["--version", "--verbose"],
        ["--print", "cfg", f"-Ctarget-cpu={target_cpu()}"],
    ):
        digest.update(_ask("rustc", *question))
    return digest.hexdigest()[:16]


def _ask(*command: str) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, check=True, cwd=WORKSPACE).stdout  # noqa: S603 - fixed words
    except FileNotFoundError:
        sys.exit(f"{command[0]} is missing: {NEEDED['cargo']}")


def finished(folder: Path) -> list[Path] | None:
    """Return the programs in a folder of the cache, or None unless all are there."""
    programs = [folder / name for name in PROGRAMS]
    return programs if all(path.is_file() for path in programs) else None


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Wait until nobody else builds into this cache."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(root: Path, folder: Path) -> None:
    """Compile, and put the programs into place in one step.

    The compiled crates are shared by all builds of a cache, so that a change to our own sources
    does not compile SP1 again.
    """
    missing = [f"{name}: {advice}" for name, advice in NEEDED.items() if not shutil.which(name)]
    if missing:
        sys.exit("Missing to build native/:\n  " + "\n  ".join(missing))
    compiled = root / "target"
    flags = {"CARGO_TARGET_DIR": str(compiled), "RUSTFLAGS": f"-C target-cpu={target_cpu()}"}
    # The targets of both programs in one call: SP1 is compiled once, with the features of both.
    command = ["cargo", "build", "--locked", "--release"]
    made = subprocess.run(command, cwd=WORKSPACE, env=os.environ | flags, check=False)  # noqa: S603 - fixed words
    if made.returncode != 0:
        sys.exit(f"cargo failed with exit code {made.returncode}")
    unfinished = root / f"{folder.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in PROGRAMS:
        shutil.copy2(compiled / "release" / name, unfinished / name)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def main() -> None:
    """Command line: the paths on standard output, everything else on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether there is a build")
    check = parser.parse_args().check
    root = cache()
    folder = root / fingerprint()
    if finished(folder) is None:
        if check:
            sys.exit(f"no build in {folder}; run tools/build_native.py")
        with only_one(root):
            if finished(folder) is None:
                build(root, folder)
    print(*(folder / name for name in PROGRAMS), sep="\n")


if __name__ == "__main__":
    main()
