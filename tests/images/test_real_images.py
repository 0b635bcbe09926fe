"""The images themselves, where `just images` has built them: SP1TEE_IMAGES is their folder."""

import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from images_builds import IMAGES, ROOT
from images_layouts import Image, read_image
from images_locks import Locks
from packaging.utils import canonicalize_name

PACKAGES = "usr/local/lib/python3.11/dist-packages"
LABEL = "org.opencontainers.image"
UNCHECKED_HASH = 0b01.to_bytes(4, "little")
NO_BUSINESS = {
    *("sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "perl", "pip", "pip3"),
    *("su", "sudo", "mount", "curl", "wget", "strip", "ld"),
}


@pytest.fixture(scope="module", params=IMAGES)
def built(request: pytest.FixtureRequest) -> Image:
    folder = os.environ.get("SP1TEE_IMAGES")
    if folder is None:
        pytest.skip("needs SP1TEE_IMAGES, the folder in which tools/images.py has built")
    return read_image(Path(folder) / request.param)


@pytest.fixture(scope="module")
def name(built: Image) -> str:
    return built.path.name


def members(layer: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer) as archive:
        return {member.name: member for member in archive}


@pytest.fixture(scope="module")
def own(built: Image) -> dict[str, tarfile.TarInfo]:
    return members(built.layers[-1])


@pytest.fixture(scope="module")
def everything(built: Image) -> dict[str, tarfile.TarInfo]:
    return {name: each for layer in built.layers for name, each in members(layer).items()}


def contents(layer: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(layer) as archive:
        for member in archive:
            if member.isfile() and re.fullmatch(pattern, member.name):
                content = archive.extractfile(member)
                assert content is not None
                yield member.name, content.read()


def sources(revision: str) -> dict[str, bytes]:
    """The package as it is in a commit."""
    command = ["git", "-C", str(ROOT), "archive", revision, "src/sp1tee"]
    with tarfile.open(fileobj=io.BytesIO(subprocess.check_output(command))) as archive:
        found = ((each.name, archive.extractfile(each)) for each in archive if each.isfile())
        return {
            name.removeprefix("src/"): content.read()
            for name, content in found
            if content is not None and name.endswith(".py")
        }


def test_the_server_is_small(built: Image, name: str) -> None:
    if name == "server":
        assert built.unpacked <= 150e6
        assert built.size <= 60e6


def test_nothing_in_it_is_for_an_intruder(everything: dict[str, tarfile.TarInfo]) -> None:
    programs = [name for name, each in everything.items() if not each.isdir()]
    assert [each for each in programs if Path(each).name in NO_BUSINESS] == []


def test_nobody_becomes_somebody_else(everything: dict[str, tarfile.TarInfo]) -> None:
    risen = [name for name, each in everything.items() if each.isfile() and each.mode & 0o6000]
    assert risen == []
    writable = {n for n, each in everything.items() if not each.issym() and each.mode & 0o002}
    assert writable <= {"tmp", "var/tmp"}


def test_all_of_ours_is_roots_but_what_is_written_to(own: dict[str, tarfile.TarInfo]) -> None:
    others = {name for name, each in own.items() if (each.uid, each.gid) != (0, 0)}
    assert others == {"var/lib/sp1tee", "run/worker"}
    assert {(own[name].uid, own[name].mode) for name in others} == {(65532, 0o700)}


def test_it_has_one_time_that_of_its_commit(built: Image, own: dict[str, tarfile.TarInfo]) -> None:
    revision = built.labels[f"{LABEL}.revision"]
    when = subprocess.check_output(["git", "-C", str(ROOT), "show", "-s", "--format=%ct", revision])
    assert {each.mtime for each in own.values()} == {int(when)}


def test_the_packages_are_those_of_the_lock(own: dict[str, tarfile.TarInfo], name: str) -> None:
    found = re.compile(rf"{PACKAGES}/([^/]+)-([^/-]+)\.dist-info")
    matches = [match for each in own if (match := found.fullmatch(each))]
    installed = {canonicalize_name(match[1]): match[2] for match in matches}
    version = installed.pop("sp1tee")
    assert version == "0.1.0"
    assert installed == Locks().locked(name)


def test_the_sources_are_those_of_the_commit(built: Image) -> None:
    found = dict(contents(built.layers[-1], rf"{PACKAGES}/sp1tee/.*\.py"))
    held = {name.removeprefix(f"{PACKAGES}/"): data for name, data in found.items()}
    assert held == sources(built.labels[f"{LABEL}.revision"])


def test_bytecode_is_used_without_a_look_at_times(built: Image) -> None:
    flags = {data[4:8] for _, data in contents(built.layers[-1], r".*\.pyc")}
    assert flags == {UNCHECKED_HASH}


def test_dependencies_have_neither_tests_nor_sources(own: dict[str, tarfile.TarInfo]) -> None:
    others = [each for each in own if each.startswith(PACKAGES) and "/sp1tee/" not in each]
    assert [each for each in others if re.search(r"\.(py|pyi|pyx|pxd|c|h)$|/tests/", each)] == []


def test_it_starts_as_nobody_and_can_be_asked_how_it_is(built: Image, name: str) -> None:
    assert built.settings["User"] == "65532:65532"
    assert built.settings["Entrypoint"] == ["/usr/local/bin/sp1tee"]
    assert built.settings["Cmd"] == [{"server": "serve", "fulfiller": "fulfill"}[name]]
    assert built.settings["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/sp1tee-ready"]
