"""Lay out what an image holds, inside of the image's build.

`python3 images_assemble.py server` installs, from nothing but the wheels in `/wheels` and the
checkout in `/source`, into `/image`:

    usr/local/lib/python3.11/dist-packages sp1tee and its dependencies, where Debian's Python looks
    usr/local/bin                          the programs
    var/lib/sp1tee                         the data directory, of the user that runs all this
    run/worker                             the worker token's directory, likewise

Dependencies have no sources beside their bytecode, no tests, and no symbols: what is left is what
runs, and a third of the size. sp1tee itself has its sources. No bytecode depends on times.
"""

import compileall
import fnmatch
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

SOURCE: Final = Path("/source")
WHEELS: Final = Path("/wheels")
IMAGE: Final = Path("/image")
PACKAGES: Final = IMAGE / "usr/local/lib/python3.11/dist-packages"
USER: Final = 65532

ROOMS: Final = {
    "server": ("serve", "store", "wire", "dstack", "sim.network", "cli.serve", "cli.sim.network"),
    "fulfiller": ("fulfill", "native", "wire", "cli.fulfill", "cli.doctor", "cli.execute"),
}
"""What each image is for. All of it can be imported, or the image is not built."""

UNUSED: Final = (
    # Tests, and what compilers and type checkers read.
    *("*/tests", "*/testing", "Crypto/SelfTest", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.h", "*.cpp"),
    # Of ciphers Keccak alone is used, of databases SQLite and PostgreSQL.
    *(f"Crypto/{part}" for part in ("Cipher", "IO", "Math", "Protocol", "PublicKey", "Signature")),
    *(f"sqlalchemy/dialects/{name}" for name in ("mssql", "mysql", "oracle")),
    # Rich looks for a language's colours when it shows a program, which nothing does.
    "pygments/lexers/[!_]*",
    # Programs of dependencies, and lists of files that are not there any more.
    *("bin", "*.dist-info/RECORD"),
)
"""What is removed again, by path below the packages."""


def main() -> None:
    """Command line: the name of the image."""
    image = sys.argv[1]
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"The image has Python 3.11, and this is {sys.version.split()[0]}.")
    install(image)
    remove_unused()
    strip()
    compile_all()
    place_programs()
    check(ROOMS[image])


def install(image: str) -> None:
    """Install the locked wheels, and a wheel of sp1tee that is built here."""
    tools, made = Path("/tools"), Path("/made")
    locks = SOURCE / "compose"
    _pip(tools, "--require-hashes", "-r", str(locks / "requirements.build.lock"))
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(made), PYTHONPATH=str(tools))
    _pip(PACKAGES, "--require-hashes", "-r", str(locks / f"requirements.{image}.lock"))
    _pip(PACKAGES, *map(str, made.iterdir()))


def _pip(target: Path, *what: str) -> None:
    wheels_only = ("--no-index", "--no-deps", "--only-binary=:all:", f"--find-links={WHEELS}")
    quiet = ("--quiet", "--no-cache-dir", "--root-user-action=ignore", "--no-compile")
    _run("-m", "pip", "install", *quiet, *wheels_only, "--upgrade", "--target", str(target), *what)


def _run(*words: str, **variables: str) -> None:
    subprocess.run((sys.executable, *words), cwd=SOURCE, env=os.environ | variables, check=True)  # noqa: S603 - no shell


def remove_unused() -> None:
    """Remove what nothing here loads."""
    for path in sorted(PACKAGES.rglob("*")):
        name = str(path.relative_to(PACKAGES))
        if not name.startswith("sp1tee/") and any(fnmatch.fnmatch(name, each) for each in UNUSED):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def strip() -> None:
    """Remove the symbols that only debuggers read."""
    libraries = sorted(map(str, PACKAGES.rglob("*.so*")))
    subprocess.run(("strip", "--strip-unneeded", *libraries), check=True)  # noqa: S603, S607 - the builder's


def compile_all() -> None:
    """Compile everything; of dependencies only that stays."""
    ours = PACKAGES / "sp1tee"
    others = [path for path in PACKAGES.iterdir() if path != ours]
    _compile([ours], beside=False)
    _compile(others, beside=True)
    for path in others:
        for source in [path] if path.suffix == ".py" else path.rglob("*.py"):
            source.unlink()


def _compile(paths: Iterable[Path], *, beside: bool) -> None:
    """Compile modules without their times, under names that hold wherever the image is built."""
    for path in paths:
        compiler = compileall.compile_dir if path.is_dir() else compileall.compile_file
        done = compiler(
            str(path),
            quiet=1,
            stripdir=str(IMAGE),
            prependdir="/",
            legacy=beside,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
        if not done:
            sys.exit(f"{path} does not compile")


def place_programs() -> None:
    """Place the programs, and the folders that they write to."""
    programs = IMAGE / "usr/local/bin"
    programs.mkdir(parents=True)
    for folder in (SOURCE / "compose/image", Path("/native"), Path("/gpu")):
        for program in sorted(folder.iterdir()) if folder.is_dir() else ():
            shutil.copy(program, programs / program.name)
            (programs / program.name).chmod(0o755)
    # New volumes that are mounted there are owned as these are.
    for place in ("var/lib/sp1tee", "run/worker"):
        (IMAGE / place).mkdir(parents=True)
        (IMAGE / place).chmod(0o700)
        os.chown(IMAGE / place, USER, USER)


def check(rooms: tuple[str, ...]) -> None:
    """Import every module of some rooms, from the image's packages alone."""
    _run("-I", "-S", "-B", "-c", _CHECK, str(PACKAGES), *(f"sp1tee.{room}" for room in rooms))


# Migrations run in Alembic alone. Spans take an extra that the images do not have.
_CHECK: Final = """\
import importlib, pkgutil, sys
sys.path.append(sys.argv[1])
for name in sys.argv[2:]:
    room = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(room, "__path__", ()), name + "."):
        if ".migrations." not in module.name and not module.name.endswith(".spans"):
            importlib.import_module(module.name)
"""


if __name__ == "__main__":
    main()
