"""Generate `schemas/*.json` from the models that reports, policies and evidence are read with.

`python tools/generate_schemas.py` writes them; `--check` fails when a committed file differs.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from sp1tee.verify.evidence.manifest import Manifest
from sp1tee.verify.formats.shape import ReportObject
from sp1tee.verify.osimage import Table
from sp1tee.verify.policy.schema import policy_schema

FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "report.v1.json": lambda: _titled(
        TypeAdapter(ReportObject).json_schema(), "A report of `sp1tee verify`"
    ),
    "policy.v1.json": lambda: _titled(policy_schema(), "A policy for `sp1tee verify`"),
    "evidence.v1.json": lambda: _titled(
        Manifest.model_json_schema(by_alias=True), "`bundle.json` of `sp1tee evidence fetch`"
    ),
    "os-images.v1.json": lambda: _titled(
        Table.model_json_schema(by_alias=True), "A table of OS image measurements"
    ),
}


def generate() -> dict[str, str]:
    """Return every schema's text by its file name."""
    return {
        name: json.dumps({"$schema": DIALECT, **make()}, indent=2, ensure_ascii=False) + "\n"
        for name, make in SCHEMAS.items()
    }


def stale(folder: Path) -> list[str]:
    """Return the names of files that are missing, differ, or are no longer generated."""
    made = generate()
    kept = {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def _titled(schema: dict[str, Any], title: str) -> dict[str, Any]:
    return {**schema, "title": title}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if parser.parse_args().check:
        if found := stale(FOLDER):
            sys.exit(f"schemas differ: {', '.join(found)}; run tools/generate_schemas.py")
        return
    FOLDER.mkdir(exist_ok=True)
    for name, text in generate().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
