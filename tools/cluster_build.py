"""Build the parts of an sp1-cluster from its public repository, and print where they are.

`python tools/cluster_build.py` builds api, coordinator, network-gateway and a CPU node of
sp1-cluster 2.7.2, at the commit `COMMIT`. The node has no gnark in it, so it needs no Go: it
makes core and compressed proofs. A first build takes an hour or more on two cores, and 6 GB of
disk; the programs lie in the cache of native builds, under a hash of this file and the compiler.
The exit code is 3 if something that the build needs is not installed.

    --sources URL|PATH   a git repository of sp1-cluster's, by default the public one
    --network PATH       a git repository of succinctlabs/network: its newest commit instead of the
                         one that sp1-cluster names, where that cannot be reached
    SP1TEE_NATIVE_CACHE  another cache folder
"""

import argparse
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Final

import native_cache

SOURCES: Final = "https://github.com/succinctlabs/sp1-cluster"
COMMIT: Final = "e27316fa99c87ec761b8ceba1a2c7d6b55470983"
NETWORK: Final = "https://github.com/succinctlabs/network"
PROGRAMS: Final = tuple(
    f"sp1-cluster-{part}" for part in ("api", "coordinator", "network-gateway", "node")
)
NEEDED: Final = native_cache.RUST | {
    "git": "apt-get install git",
    "protoc": "apt-get install protobuf-compiler libprotobuf-dev",
    "cc": "apt-get install build-essential",
    "m4": "apt-get install m4 (for GMP)",
    "pkg-config": "apt-get install pkg-config libssl-dev",
}
# What is built, and what that is built on; the rest has to do with the Prover Network's auctions.
_MEMBERS: Final = (
    *("bin/api", "bin/coordinator", "bin/network-gateway", "bin/node"),
    *("crates/artifact", "crates/common", "crates/worker"),
)
# GMP's own tests take longer than all the rest.
_GMP_UNTESTED: Final = """
[dependencies.gmp-mpfr-sys]
version = "1"
default-features = false
features = ["c-no-tests"]
"""
# Two crates nest types deeper than stable compilers follow unless they are told to; the
# repository's own toolchain does not count so strictly.
_COMPILER: Final = """#!/bin/sh
rustc=$1
shift
case " $* " in
*" --crate-name alloy_signer_aws "* | *" --crate-name sp1_cluster_node "*)
    RUSTC_BOOTSTRAP=1 exec "$rustc" "$@" '-Zcrate-attr=recursion_limit="256"' ;;
esac
exec "$rustc" "$@"
"""
_WORKER: Final = 'sp1-cluster-worker = { path = "crates/worker" }'
_WORKER_WITHOUT_GNARK: Final = _WORKER.replace(" }", ", default-features = false }")


def fingerprint(network: Path | None) -> str:
    """Return the name of the build."""
    digest = hashlib.sha256()
    for part in (
        Path(__file__).read_bytes(),
        b"" if network is None else _head(network),
        native_cache.answer("rustc", "--version", "--verbose"),
    ):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _head(repository: Path) -> bytes:
    return native_cache.answer("git", "-C", str(repository), "rev-parse", "HEAD")


def build(root: Path, sources: str, network: Path | None, folder: Path) -> None:
    """Compile the programs into a folder."""
    native_cache.require("to build sp1-cluster", NEEDED)
    tree = _checked_out(root / "sources", sources, COMMIT)
    other = None if network is None else _checked_out(root / "network", str(network), "HEAD")
    _trim(tree / "Cargo.toml", other)
    with (tree / "bin" / "node" / "Cargo.toml").open("a") as manifest:
        manifest.write(_GMP_UNTESTED)
    _write_compiler(root / "rustc")
    packages = [word for name in PROGRAMS for word in ("-p", name)]
    native_cache.carry_out(
        *("cargo", "build", "--release", "--no-default-features", *packages),
        env=os.environ | _variables(root),
        cwd=tree,
    )
    for name in PROGRAMS:
        shutil.copy2(root / "target" / "release" / name, folder / name)


def _write_compiler(path: Path) -> None:
    path.write_text(_COMPILER)
    path.chmod(0o755)


def _checked_out(folder: Path, sources: str, commit: str) -> Path:
    """Return a working tree of a commit."""
    shutil.rmtree(folder, ignore_errors=True)
    for words in (
        ("clone", "--quiet", "--no-checkout", sources, str(folder)),
        ("-C", str(folder), "checkout", "--quiet", "--detach", commit),
    ):
        native_cache.carry_out("git", *words, env=os.environ)
    return folder


def _trim(manifest: Path, network: Path | None) -> None:
    """Leave out of a workspace what is not built."""
    members = ", ".join(f'"{member}"' for member in _MEMBERS)
    text = manifest.read_text("utf-8")
    text, found = re.subn(r"members = \[[^]]*\]", f"members = [{members}]", text, count=1)
    if not found or _WORKER not in text:
        sys.exit(f"{manifest} is not the manifest that this tool knows")
    text = text.replace(_WORKER, _WORKER_WITHOUT_GNARK)
    if network is not None:
        metrics = network / "crates" / "node" / "metrics"
        text += f'\n[patch."{NETWORK}"]\nspn-metrics = {{ path = "{metrics}" }}\n'
    manifest.write_text(text, "utf-8")


def _variables(root: Path) -> dict[str, str]:
    return {
        "CARGO_TARGET_DIR": str(root / "target"),
        "RUSTC_WRAPPER": str(root / "rustc"),
        "CARGO_PROFILE_RELEASE_DEBUG": "0",
        "CARGO_PROFILE_RELEASE_STRIP": "symbols",
        "CARGO_PROFILE_RELEASE_BUILD_OVERRIDE_OPT_LEVEL": "0",
        # The repository's own toolchain file asks for a nightly compiler, which it does not need.
        "RUSTUP_TOOLCHAIN": os.environ.get("RUSTUP_TOOLCHAIN", "stable"),
        # Queries are compared with what was recorded in the repository, not with a database.
        "SQLX_OFFLINE": "true",
        # Read when it is compiled: without it coordinators keep all proving for GPU nodes.
        "SP1_CLUSTER_CPU_ONLY": "1",
    }


def provide(sources: str, network: Path | None) -> list[Path]:
    """Return the programs, in the order of `PROGRAMS`; build them if they are not there."""
    native_cache.require("to build sp1-cluster", native_cache.RUST)
    root = native_cache.cache() / "sp1-cluster"
    folder = root / fingerprint(network)
    return native_cache.provide(
        folder, PROGRAMS, lambda empty: build(root, sources, network, empty)
    )


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say where the sources are."""
    parser.add_argument("--sources", default=SOURCES, help="git repository of sp1-cluster")
    parser.add_argument("--network", type=Path, help="git repository of succinctlabs/network")


def main() -> None:
    """Command line: the paths on standard output, everything else on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_flags(parser)
    given = parser.parse_args()
    for program in provide(given.sources, given.network):
        print(program)


if __name__ == "__main__":
    main()
