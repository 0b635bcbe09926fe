"""Generate `src/sp1tee/wire/pb/*_pb2*.py` from the `.proto` files beside them.

`python tools/generate_protos.py` writes them; `--check` generates into a temporary directory and
fails when a committed file differs, so that nobody edits generated code.
"""

import argparse
import importlib.resources
import sys
import sysconfig
import tempfile
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = Path("sp1tee/wire/pb")
SERVICES = {"network", "artifact", "worker", "cluster", "cluster_worker"}
# Google's own messages, such as Empty.
WELL_KNOWN = importlib.resources.files("grpc_tools") / "_proto"
# protoc looks for its plugins on PATH, where a virtual environment that is not activated is not.
SCRIPTS = Path(sysconfig.get_path("scripts"))
PLUGINS = [
    f"--plugin={name}={SCRIPTS / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
]


def generate(out: Path) -> None:
    """Run protoc for every `.proto` file, with gRPC stubs where it declares a service."""
    for proto in sorted((SOURCE / PACKAGE).glob("*.proto")):
        flags = [f"--python_out={out}", f"--mypy_out=quiet:{out}"]
        if proto.stem in SERVICES:
            flags += [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"]
        folders = [f"-I{SOURCE}", f"-I{WELL_KNOWN}"]
        if protoc.main(["protoc", *folders, *PLUGINS, *flags, str(PACKAGE / proto.name)]) != 0:
            sys.exit(f"protoc failed on {proto.name}")


def differences(fresh: Path) -> list[str]:
    """Names of generated files that are missing, stale or no longer generated."""
    made = {path.name: path.read_bytes() for path in (fresh / PACKAGE).iterdir()}
    kept = {path.name: path.read_bytes() for path in (SOURCE / PACKAGE).glob("*_pb2*.py*")}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        generate(SOURCE)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        if stale := differences(Path(folder)):
            sys.exit(f"generated code differs: {', '.join(stale)}; run tools/generate_protos.py")


if __name__ == "__main__":
    main()
