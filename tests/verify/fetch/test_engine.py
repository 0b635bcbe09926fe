"""Local images of a Docker engine, whichever way it names them."""

import gc
import io
from collections.abc import Iterator

import docker
import pytest
from support.engines import CONTAINERD, FakeEngine, fake_engine, real_engine
from support.oci import (
    BINARY,
    PROGRAM,
    SETTINGS,
    Image,
    digest,
    docker_archive,
    image,
    index,
    layout_files,
    tar,
)

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, FetchError, VerifyError
from sp1tee.verify.digests import LINUX_AMD64
from sp1tee.verify.digests.rootfs import Rootfs
from sp1tee.verify.fetch.engine import open_engine_image

NAME = "sp1tee.test/server:latest"
MADE = image()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    with fake_engine(monkeypatch) as running:
        yield running


def classic(made: Image, **changes: object) -> dict[str, object]:
    """Return what a classic engine tells of an image."""
    return {
        "Id": digest(made.config),
        "RepoTags": [NAME],
        "RepoDigests": [],
        "Os": "linux",
        "Architecture": made.architecture,
        "Config": {**SETTINGS, "Labels": None, "Image": "sha256:of an older build"},
        "RootFS": {"Type": "layers", "Layers": [digest(layer) for layer in made.uncompressed]},
        **changes,
    }


def test_attack_58_a_classic_engines_id_is_the_configurations_digest(engine: FakeEngine):
    engine.images[NAME] = classic(MADE)
    with open_engine_image(NAME, LINUX_AMD64, layers=False) as built:
        assert built.config.digest == digest(MADE.config)
        assert built.digests == ()
        assert built.config.diff_ids == tuple(map(digest, MADE.uncompressed))
        assert built.config.settings == {**SETTINGS, "Env": sorted(SETTINGS["Env"])}
        assert built.notes == ()
    assert engine.saved == []


def test_attack_58_containerds_id_is_the_manifests_or_the_indexs_digest(engine: FakeEngine):
    made = index(MADE, attested=True)
    engine.store = CONTAINERD
    engine.images[NAME] = classic(MADE, Id=made.digest, RepoDigests=[f"x/server@{made.digest}"])
    engine.archives[made.digest] = tar(layout_files(made))
    with open_engine_image(NAME, LINUX_AMD64, layers=False) as built:
        assert built.digests == (MADE.digest, made.digest)
        assert built.config.digest == digest(MADE.config)
        assert "does not tell" in built.notes[0]


def test_attack_58_an_id_of_one_kind_is_never_taken_for_the_other(engine: FakeEngine):
    engine.store = CONTAINERD
    engine.images[NAME] = classic(MADE)
    engine.archives[digest(MADE.config)] = tar(layout_files(MADE))
    with (
        pytest.raises(EvidenceMalformed, match="another image"),
        open_engine_image(NAME, LINUX_AMD64, layers=False),
    ):
        pass


def test_attack_57_a_pulled_image_is_named_as_one(engine: FakeEngine):
    engine.images[NAME] = classic(MADE, RepoDigests=[f"x/server@{MADE.digest}"])
    with open_engine_image(NAME, LINUX_AMD64, layers=False) as built:
        assert "proves nothing" in built.notes[0]


def test_attack_57_an_image_is_saved_by_its_id_and_not_by_its_tag(engine: FakeEngine):
    engine.images[NAME] = classic(MADE)
    engine.archives[digest(MADE.config)] = docker_archive(MADE)
    with open_engine_image(NAME, LINUX_AMD64, layers=True) as built:
        expected = digest(PROGRAM).removeprefix("sha256:")
        assert Rootfs(built.layers).sha256(BINARY) == expected
    assert engine.saved == [digest(MADE.config)]


def test_attack_57_another_image_in_the_archive_is_caught(engine: FakeEngine):
    engine.images[NAME] = classic(MADE)
    engine.archives[digest(MADE.config)] = docker_archive(image(created="2030"))
    with (
        pytest.raises(EvidenceMalformed, match="another image"),
        open_engine_image(NAME, LINUX_AMD64, layers=True),
    ):
        pass


def test_an_image_that_is_not_there_is_missing(engine: FakeEngine):
    with pytest.raises(EvidenceMissing), open_engine_image(NAME, LINUX_AMD64, layers=False):
        pass


def test_an_image_for_another_platform_is_missing(engine: FakeEngine):
    engine.images[NAME] = classic(image(architecture="arm64"))
    with (
        pytest.raises(EvidenceMissing, match="arm64"),
        open_engine_image(NAME, LINUX_AMD64, layers=False),
    ):
        pass


@pytest.mark.parametrize(
    "changes",
    [
        {"Id": None},
        {"Id": "abc"},
        {"Os": 1},
        {"RootFS": {"Layers": ["x"]}},
        {"Config": []},
        {"RootFS": 1},
    ],
)
def test_an_engine_that_answers_otherwise_is_malformed(
    engine: FakeEngine, changes: dict[str, object]
):
    engine.images[NAME] = classic(MADE, **changes)
    with pytest.raises(VerifyError), open_engine_image(NAME, LINUX_AMD64, layers=False):
        pass


# The docker package forgets a socket that it could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense://"]
)
def test_without_an_engine_the_way_that_needs_none_is_named(
    host: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOCKER_HOST", host)
    with (
        pytest.raises(FetchError) as raised,
        open_engine_image(NAME, LINUX_AMD64, layers=False),
    ):
        pass
    assert "oci-archive:FILE" in raised.value.advice
    del raised
    gc.collect()


def test_a_real_engine_agrees(monkeypatch: pytest.MonkeyPatch):
    with real_engine() as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        client = docker.DockerClient(url)
        client.images.load(io.BytesIO(docker_archive(MADE, NAME)))
        try:
            for layers in (False, True):
                with open_engine_image(NAME, LINUX_AMD64, layers=layers) as built:
                    assert built.config.digest == digest(MADE.config)
                    assert built.config.diff_ids == tuple(map(digest, MADE.uncompressed))
                    assert built.config.settings == {**SETTINGS, "Env": sorted(SETTINGS["Env"])}
        finally:
            client.images.remove(NAME)
            client.close()
