"""Build the Rust programs of `native/` and print where they are.

`python tools/build_native.py` builds `sp1tee-prover` and `sdk-client` unless the cache has them,
under a hash of their sources, the lock file, the compiler and the processor they are made for.
A first build fetches some 700 crates and takes half an hour on two cores; later ones compile only
our own code, and one that is already there needs no network.

`--check` builds nothing and fails when there is no build. `--test` also looks at the format, the
lints and the unit tests of our own crates, once for each build. The exit code is 3 if something
that a build needs is not installed, or if the crates cannot be fetched.

    SP1TEE_NATIVE_CACHE   another cache folder
    SP1TEE_NATIVE_CPU     a processor as rustc names it, `x86-64-v3` for a build to carry elsewhere;
                          by default the one at hand, which makes the prover fastest
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import native_cache

WORKSPACE: Final = Path(__file__).resolve().parent.parent / "native"
PROGRAMS: Final = ("sp1tee-prover", "sdk-client")
OWN_CRATES: Final = (*PROGRAMS, "sp1tee-protocol")
NEEDED: Final = {
    "protoc": "apt-get install protobuf-compiler libprotobuf-dev",
    "cc": "apt-get install build-essential",
    "cmake": "apt-get install cmake",
}
# What cargo says of a lock file that is out of date, which is no matter of the network.
STALE_LOCK: Final = "because --locked was passed"
EXAMINERS: Final = {
    "rustfmt": "rustup component add rustfmt",
    "clippy-driver": "rustup component add clippy",
}


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
    digest.update(native_cache.answer("rustc", "--version", "--verbose", cwd=WORKSPACE))
    cpu = f"-Ctarget-cpu={target_cpu()}"
    digest.update(native_cache.answer("rustc", "--print", "cfg", cpu, cwd=WORKSPACE))
    return digest.hexdigest()[:16]


def require_rust() -> None:
    """End unless there is a compiler that is new enough."""
    native_cache.require("to build native/", native_cache.RUST)
    least = tomllib.loads((WORKSPACE / "Cargo.toml").read_text())["workspace"]["package"]
    # It says: rustc 1.95.0 (59807616e 2026-04-14).
    here = native_cache.answer("rustc", "--version", cwd=WORKSPACE).decode().split()[1]
    if _numbers(here) < _numbers(least["rust-version"]):
        native_cache.say_missing(
            f"Missing to build native/: Rust {least['rust-version']}, here is {here}."
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.partition("-")[0].split(".")]


def cargo(root: Path, *words: str, **variables: str) -> None:
    """Run cargo on the workspace.

    The compiled crates are shared by all builds of a cache, so that a change to our own sources
    does not compile SP1 again.
    """
    flags = {
        "CARGO_TARGET_DIR": str(root / "target"),
        "RUSTFLAGS": f"-C target-cpu={target_cpu()}",
    }
    native_cache.carry_out("cargo", *words, env=os.environ | flags | variables, cwd=WORKSPACE)


def fetch() -> None:
    """Have every crate here; end as for a missing compiler if they cannot be had."""
    command = ["cargo", "fetch", "--locked"]
    done = subprocess.run(command, cwd=WORKSPACE, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - fixed words
    if done.returncode == 0:
        return
    if STALE_LOCK in done.stderr:
        sys.exit(f"Cargo.lock does not fit the manifests.\n{done.stderr}")
    native_cache.say_missing("Missing to build native/: the crates.", *done.stderr.splitlines())


def build(root: Path, folder: Path) -> None:
    """Compile the programs into a folder."""
    native_cache.require("to build native/", NEEDED)
    fetch()
    # The targets of both programs in one call: SP1 is compiled once, with the features of both.
    cargo(root, "build", "--locked", "--release")
    for name in PROGRAMS:
        shutil.copy2(root / "target" / "release" / name, folder / name)


def examine(root: Path, folder: Path) -> None:
    """Look at the format, the lints and the unit tests of our own crates."""
    done = folder / "examined"
    if done.exists():
        return
    native_cache.require("to test native/", NEEDED | EXAMINERS)
    cargo(root, "fmt", "--check")
    # `cargo clippy` would go through all of SP1 once more. As the compiler of our crates alone,
    # clippy takes what the build has left.
    clippy = {
        "RUSTC_WORKSPACE_WRAPPER": "clippy-driver",
        "CLIPPY_ARGS": "-Dwarnings__CLIPPY_HACKERY__",
    }
    cargo(root, "test", "--locked", "--release", *_unoptimized(), **clippy)
    done.touch()


def _unoptimized() -> Iterator[str]:
    """Say that our own crates, and no other, are compiled as quickly as can be."""
    for name in OWN_CRATES:
        yield from ("--config", f"profile.release.package.{name}.opt-level=0")


def main() -> None:
    """Command line: the paths on standard output, everything else on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether there is a build")
    parser.add_argument("--test", action="store_true", help="also check our own crates")
    flags = parser.parse_args()
    require_rust()
    root = native_cache.cache()
    folder = root / fingerprint()
    if flags.check and native_cache.finished(folder, PROGRAMS) is None:
        sys.exit(f"no build in {folder}; run tools/build_native.py")
    programs = native_cache.provide(folder, PROGRAMS, lambda empty: build(root, empty))
    if flags.test:
        examine(root, folder)
    print(*programs, sep="\n")


if __name__ == "__main__":
    main()
