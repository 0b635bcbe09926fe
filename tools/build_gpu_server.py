"""Build SP1's GPU prover `sp1-gpu-server` for the GPUs named, and print where it is.

`python tools/build_gpu_server.py 90` builds for compute capability 9.0 (H100, H200),
`80,86,89,90` for each of these. It runs on no other. The build needs neither a GPU nor CUDA: nvcc
and CMake come as Python wheels, pinned by hash in `gpu_server_toolchain.txt`, and SP1 from the
crate registry, unchanged, under the lock file it was published with. CUDA's runtime is linked
statically: to run, the program wants NVIDIA's driver (580 or later) and nothing else of CUDA.

A first build takes about an hour on two cores, and 5 GB of disk. The program lies in the cache of
native builds, under a hash of this file, the toolchain, the architectures and the compiler. The
exit code is 3 if something that the build needs is not installed.

    SP1TEE_NATIVE_CACHE   another cache folder
    SP1TEE_NATIVE_CPU     a processor as rustc names it; by default `x86-64-v3`, to carry elsewhere
"""

import argparse
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Final

import native_cache

SERVER: Final = "sp1-gpu-server"
VERSION: Final = "6.10.0"
TOOLCHAIN: Final = Path(__file__).with_name("gpu_server_toolchain.txt")
CUDA: Final = "nvidia/cu13"
NVCC: Final = f"{CUDA}/bin/nvcc"
CMAKE: Final = "cmake/data/bin/cmake"
NEEDED: Final = native_cache.RUST | {
    "protoc": "apt-get install protobuf-compiler libprotobuf-dev",
    "c++": "apt-get install build-essential",
    "clang": "apt-get install clang (its library reads the C header of the Go part)",
    "go": "install Go 1.24 or later from https://go.dev/dl",
}


def architectures(text: str) -> str:
    """Return compute capabilities as CMake takes them: `80,90`, in order, each once."""
    if not re.fullmatch(r"\d{2,3}(,\d{2,3})*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no list like 80,86,89,90")
    return ",".join(sorted(set(text.split(",")), key=int))


def target_cpu() -> str:
    """Return the processor that the program is compiled for."""
    return os.environ.get("SP1TEE_NATIVE_CPU", "x86-64-v3")


def fingerprint(archs: str) -> str:
    """Return the name of the build for these architectures."""
    digest = hashlib.sha256()
    for part in (
        Path(__file__).read_bytes(),
        TOOLCHAIN.read_bytes(),
        f"{archs} {target_cpu()}".encode(),
        native_cache.answer("rustc", "--version", "--verbose"),
    ):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def toolchain(root: Path) -> Path:
    """Return the folder with CUDA and CMake; install them if they are not there."""
    name = hashlib.sha256(TOOLCHAIN.read_bytes()).hexdigest()[:16]
    folder = root / "toolchain" / name
    native_cache.provide(folder, (NVCC, CMAKE), _install_toolchain)
    return folder


def _install_toolchain(folder: Path) -> None:
    rules = ("--require-hashes", "--no-deps", "--only-binary=:all:")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", *rules)
    native_cache.carry_out(*pip, "--target", str(folder), "-r", str(TOOLCHAIN), env=os.environ)
    cuda = folder / CUDA
    # What an installed CUDA has beside it: nvcc looks for libraries in lib64 …
    (cuda / "lib64").symlink_to("lib")
    # … and the linker, told -lcudart, takes the static one under the only name it finds.
    (cuda / "lib" / "libcudart.a").symlink_to("libcudart_static.a")


def require_nvcc_knows(tools: Path, archs: str) -> None:
    """End if this CUDA makes no code for one of the architectures."""
    known = native_cache.answer(str(tools / NVCC), "--list-gpu-code").decode().split()
    unknown = [arch for arch in archs.split(",") if f"sm_{arch}" not in known]
    if unknown:
        sys.exit(f"nvcc makes no code for {', '.join(unknown)}; it knows {', '.join(known)}")


def build(root: Path, archs: str, folder: Path) -> None:
    """Compile the server into a folder."""
    native_cache.require(f"to build {SERVER}", NEEDED)
    tools = toolchain(root)
    require_nvcc_knows(tools, archs)
    words = ("--locked", "--no-track", "--root", str(folder), "--version", f"={VERSION}")
    native_cache.carry_out(
        "cargo", "install", *words, SERVER, env=os.environ | _variables(root, tools, archs)
    )
    (folder / "bin" / SERVER).rename(folder / SERVER)
    said = native_cache.answer(str(folder / SERVER), "--version").decode().strip()
    if said != VERSION:
        sys.exit(f"the program that was built says that it is {said!r}, not {VERSION}")


def _variables(root: Path, tools: Path, archs: str) -> dict[str, str]:
    cuda = tools / CUDA
    programs = (str((tools / CMAKE).parent), str(cuda / "bin"), os.environ["PATH"])
    return {
        "PATH": os.pathsep.join(programs),
        "CUDA_PATH": str(cuda),
        "CUDACXX": str(tools / NVCC),
        "CUDA_ARCHS": archs,
        # Else a build that does not find CUDA leaves the kernels out.
        "SP1_CUDA_ENABLED": "1",
        # Another choice of architectures compiles the kernels again and nothing else.
        "CARGO_TARGET_DIR": str(root / "target"),
        "CARGO_PROFILE_RELEASE_STRIP": "symbols",
        "RUSTFLAGS": f"-C target-cpu={target_cpu()}",
    }


def main() -> None:
    """Command line: the path on standard output, everything else on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "archs", type=architectures, help="compute capabilities: 90, or 80,86,89,90"
    )
    archs = parser.parse_args().archs
    native_cache.require(f"to build {SERVER}", native_cache.RUST)
    root = native_cache.cache() / "gpu-server"
    folder = root / fingerprint(archs)
    (server,) = native_cache.provide(folder, (SERVER,), lambda empty: build(root, archs, empty))
    content = server.read_bytes()
    print(f"{len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}", file=sys.stderr)
    print(server)


if __name__ == "__main__":
    main()
