"""Build the guest programs, byte for byte the same wherever clang and lld 14 are.

    python guests/build.py            build all, into the package and the tests' data
    python guests/build.py --check    build into a temporary directory and compare

Exit codes: 0 built, or all the same; 1 a file differs; 2 clang or lld 14 is missing.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHIPPED = HERE.parent / "src" / "sp1tee" / "guests"
TESTED = HERE.parent / "tests" / "data" / "guests"
COMPILER_VERSION = "14."

COMMON = (
    *("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-shift-op-parentheses"),
    *("-ffreestanding", "-fno-builtin", "-nostdlib", "-fno-pic", "-static", "-mno-relax"),
    *("-fno-ident", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables"),
    *(
        "-fuse-ld=lld",
        "-Wl,--strip-all",
        "-Wl,--build-id=none",
        "-Wl,--nmagic",
        "-Wl,-T,lib/guest.ld",
    ),
)
TARGETS = {
    "v5": (
        *("--target=riscv32-unknown-elf", "-march=rv32im", "-mabi=ilp32"),
        "-Wl,--defsym=GUEST_BASE=0x00201000",
    ),
    "v6": (
        *("--target=riscv64-unknown-elf", "-march=rv64im", "-mabi=lp64", "-mcmodel=medany"),
        "-Wl,--defsym=GUEST_BASE=0x78000000",
    ),
}
RUNTIME = ("lib/runtime.c", "lib/sha256.c")


@dataclass(frozen=True)
class Guest:
    """A program with its sources, relative to this directory, and where its files belong."""

    name: str
    sources: tuple[str, ...]
    home: Path


GUESTS = (
    Guest("fibonacci", ("fibonacci/fibonacci.c",), SHIPPED),
    Guest("solvency", ("solvency/solvency.c",), SHIPPED),
    Guest("features", ("features/features.c",), TESTED),
    Guest("hostile", ("hostile/hostile.c",), TESTED),
)


def main() -> int:
    """Build or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    if not has_compiler():
        print("clang and lld 14 are needed (Debian 12: apt install clang lld)", file=sys.stderr)
        return 2
    return check_all() if check else build_all()


def has_compiler() -> bool:
    """Tell whether the compiler that the checked-in files come from is here."""
    try:
        outputs = [
            subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - two fixed names
            for tool in ("clang", "ld.lld")
        ]
    except (OSError, subprocess.CalledProcessError):
        return False
    return all(COMPILER_VERSION in output.splitlines()[0] for output in outputs)


def build_all() -> int:
    """Build every guest to where it belongs."""
    for guest, family, path in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(compile_guest(guest, family))
        print(path.relative_to(HERE.parent))
    return 0


def check_all() -> int:
    """Build every guest and compare."""
    different = 0
    for guest, family, path in files():
        if not path.exists() or compile_guest(guest, family) != path.read_bytes():
            print(f"{path.relative_to(HERE.parent)} is not what its sources give")
            different += 1
    return 1 if different else 0


def files() -> Iterator[tuple[Guest, str, Path]]:
    """List what is built."""
    for guest in GUESTS:
        for family in TARGETS:
            yield guest, family, guest.home / f"{guest.name}-{family}.elf"


def compile_guest(guest: Guest, family: str) -> bytes:
    """Compile and link one program; source paths are relative, so that none gets into the file."""
    arguments = ["clang", *TARGETS[family], *COMMON, "-Ilib", *RUNTIME, *guest.sources]
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "guest.elf"
        subprocess.run([*arguments, "-o", str(target)], cwd=HERE, check=True)  # noqa: S603 - our flags
        return target.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
