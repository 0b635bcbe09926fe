"""The recipes: what documents name is there, those of the original are, and each can be read."""

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORIGINALS = {
    *("build-docker-images", "publish-docker-images", "pull-docker-images", "show-digests"),
    "get-attestation",
    *("get-and-verify-quote", "retrieve-docker-compose", "verify-compose-hash"),
}
DOCUMENTS = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "justfile")
        if (ROOT / name).exists()
    ),
    *sorted((ROOT / "docs").glob("**/*.md")),
    *(ROOT / folder / "README.md" for folder in ("compose", "native", "bench")),
]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("just", path=sysconfig.get_path("scripts")) or shutil.which("just")
    assert program is not None
    command = (program, "--justfile", str(ROOT / "justfile"), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True)


def just(*arguments: str) -> str:
    return run(*arguments).stdout


@pytest.fixture(scope="module")
def recipes() -> set[str]:
    return set(json.loads(just("--dump", "--dump-format", "json"))["recipes"])


def test_every_recipe_of_the_original_is_there(recipes: set[str]) -> None:
    assert recipes >= ORIGINALS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_recipe_that_is_named_is_there(recipes: set[str], document: Path) -> None:
    named = set(
        re.findall(r"(?:`|&& |^)just ([a-z][a-z0-9-]*)", document.read_text(), re.MULTILINE)
    )
    assert named - recipes == set()


def test_every_public_recipe_says_what_it_is_for() -> None:
    dumped = json.loads(just("--dump", "--dump-format", "json"))["recipes"]
    silent = [
        name for name, recipe in dumped.items() if not recipe["private"] and not recipe["doc"]
    ]
    assert silent == ["types"]


def test_images_are_built_with_what_the_recipe_is_given() -> None:
    shown = run("--dry-run", "build-docker-images", "--image", "server").stderr
    assert ".venv/bin/python tools/images.py build --image server" in shown
    assert ".venv/bin/python tools/images.py load" in shown
