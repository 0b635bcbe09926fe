"""The Dockerfiles: pinned, without a shell, and in one layer upon the base."""

import json
import re
from pathlib import Path

import pytest
from images_assemble import ROOMS
from images_builds import IMAGES

COMPOSE = Path(__file__).parents[2] / "compose"
DIGEST = re.compile(r"\S+:\S+@sha256:[0-9a-f]{64}")
Instruction = tuple[str, str]


def instructions(name: str) -> list[Instruction]:
    text = (COMPOSE / f"Dockerfile.{name}").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line]


def final_stage(name: str) -> list[Instruction]:
    found = instructions(name)
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


pytestmark = pytest.mark.parametrize("name", IMAGES)


def test_every_base_image_is_pinned(name: str) -> None:
    images = dict(
        rest.split("=", 1) for word, rest in instructions(name) if word == "ARG" and "@" in rest
    )
    assert images.keys() >= {"BUILDER", "BASE"}
    assert [image for image in images.values() if not DIGEST.fullmatch(image)] == []


def test_every_stage_starts_from_a_pin_from_nothing_or_from_another(name: str) -> None:
    found = instructions(name)
    sources = {rest.split()[0] for word, rest in found if word == "FROM"}
    stages = {rest.split()[-1] for word, rest in found if word == "FROM" and " AS " in rest}
    for choice in sources & {"${NATIVE}"}:
        sources.remove(choice)
        assert ("ARG", "NATIVE=compiled") in found
        assert stages >= {"compiled", "none"}
    assert sources <= {"${BUILDER}", "${BASE}", "${RUST}", "scratch"}


def test_nothing_is_run_by_a_shell(name: str) -> None:
    for word, rest in instructions(name):
        if word in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
            command = json.loads(rest[rest.index("[") :])
            assert command[0] not in ("sh", "/bin/sh", "bash")


def test_nothing_is_installed_but_by_its_hash(name: str) -> None:
    assert [word for word, _ in instructions(name) if word == "ADD"] == []
    for word, rest in instructions(name):
        if word == "RUN" and '"pip"' in rest:
            assert '"--require-hashes"' in rest
            assert '"--only-binary=:all:"' in rest
        assert "apt" not in rest.split('"')


def test_the_image_is_one_layer_upon_its_base(name: str) -> None:
    words = [word for word, _ in final_stage(name)]
    assert words.count("COPY") == 1
    assert not {"RUN", "ADD", "WORKDIR"} & set(words)


def test_it_runs_as_nobody(name: str) -> None:
    assert [rest for word, rest in final_stage(name) if word == "USER"] == ["65532:65532"]


def test_it_says_what_it_is(name: str) -> None:
    (labels,) = (rest for word, rest in final_stage(name) if word == "LABEL")
    found = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels))
    assert found == {"title", "licenses", "source", "revision", "version", "created"}


def test_it_is_assembled_for_what_it_is_called(name: str) -> None:
    (build,) = (rest for word, rest in instructions(name) if "images_assemble.py" in rest)
    assert json.loads(build)[-1] == name
    assert name in ROOMS


def test_both_images_are_built_on_the_same(name: str) -> None:
    def bases(of: str) -> list[str]:
        return [rest for word, rest in instructions(of) if re.match(r"(BUILDER|BASE)=", rest)]

    assert bases(name) == bases(IMAGES[0])
