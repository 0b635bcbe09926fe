"""Build the Go programs that tests run against, and print where they are.

`python tools/build_go_programs.py` builds them all unless the cache has them, under their versions
and the compiler's; `… helm` builds one. Nothing of sp1tee needs them: `versitygw` is an S3 server,
`helm` renders the chart.

`--check` builds nothing and fails when there is no build. The exit code is 3 if Go is not
installed, or if the modules cannot be fetched.

    SP1TEE_NATIVE_CACHE   another cache folder
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import native_cache


class Program(NamedTuple):
    """A program and the module it is in; the sum is of the module's source, as in a go.sum."""

    module: str
    version: str
    sum: str
    package: str


PROGRAMS: Final = {
    "versitygw": Program(
        "github.com/versity/versitygw",
        "v1.8.0",
        "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
        "cmd/versitygw",
    ),
    "helm": Program(
        "helm.sh/helm/v3",
        "v3.22.0",
        "h1:n1if5iQgHYsujPAcO5oonH/KiSNUmqmUF0iGVjSF3AU=",
        "cmd/helm",
    ),
}


def folder(name: str) -> Path:
    """Return where a program's build stands, or is to stand."""
    compiler = native_cache.answer("go", "env", "GOVERSION", "GOOS", "GOARCH").decode().split()
    return native_cache.cache() / "-".join((name, PROGRAMS[name].version, *compiler))


def fetch(program: Program) -> None:
    """Fetch a module, and end unless it is the one that was pinned."""
    command = ("go", "mod", "download", "-json", f"{program.module}@{program.version}")
    # Outside of any module, so that nothing but the pinned version has a say.
    done = subprocess.run(command, capture_output=True, check=False, cwd="/")  # noqa: S603 - no shell
    if done.returncode != 0:
        native_cache.say_missing(f"{program.module} cannot be fetched.")
    if json.loads(done.stdout)["Sum"] != program.sum:
        sys.exit(f"{program.module} {program.version} is not the source that was pinned")


def build(name: str, into: Path) -> None:
    """Build a program into a folder."""
    program = PROGRAMS[name]
    fetch(program)
    package = f"{program.module}/{program.package}@{program.version}"
    env = os.environ | {"GOBIN": str(into), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    native_cache.carry_out("go", "install", package, env=env, cwd=Path("/"))


def main() -> None:
    """Build what is wanted, or look for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    parser.add_argument("--check", action="store_true", help="only look whether they are there")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(PROGRAMS):
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    native_cache.require("to build Go programs", {"go": "install Go from https://go.dev/dl"})
    for name in arguments.names or PROGRAMS:
        if arguments.check and native_cache.finished(folder(name), (name,)) is None:
            sys.exit(f"{name} is not built: python tools/build_go_programs.py {name}")
        (path,) = native_cache.provide(folder(name), (name,), lambda into, n=name: build(n, into))
        print(path)


if __name__ == "__main__":
    main()
