"""A local build against the published image: how much is the same, and where it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.digests import check, evidence, look, statuses
from support.oci import (
    BINARY,
    PROGRAM,
    Image,
    MultiImage,
    digest,
    docker_archive,
    image,
    index,
    layout_files,
    tar,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)

from sp1tee.errors import EvidenceFileError, EvidenceMalformed, EvidenceMissing, VerifyError
from sp1tee.verify.checks import Findings, Status
from sp1tee.verify.digests import LINUX_AMD64, Binaries, BuiltImage, Rebuild, open_built

BASE = tar({"etc/os-release": b"ID=debian\n"})
Write = Callable[[Image, Path], Path]


def as_layout(made: Image | MultiImage, path: Path) -> Path:
    return write_layout(made, path.with_suffix(".d"))


def opened(path: Path, kind: str = "any") -> BuiltImage:
    with open_built(path, kind, LINUX_AMD64) as built:
        return built


def compared(
    published: Image | MultiImage, path: Path, binaries: Binaries | None = None
) -> Findings:
    rebuild = Rebuild(opened(path), binaries)
    return look(f"ghcr.io/x/y@{published.digest}", evidence(published), rebuild=rebuild)


def level(findings: Findings) -> str:
    found = check(findings, "build")
    assert found.status is Status.PASS, found
    return found.details[0].removeprefix("level reached: ")


@pytest.mark.parametrize("write", [as_layout, write_oci_archive])
def test_an_identical_rebuild_has_the_same_manifest(write: Write, tmp_path: Path):
    findings = compared(image(), write(image(), tmp_path / "x"))
    assert level(findings) == "manifest"
    assert check(findings, "build-config").status is Status.PASS


def test_attack_55_a_rebuild_is_compared_with_the_platforms_manifest_of_an_index(tmp_path: Path):
    published = index(image(), image(architecture="arm64"))
    assert level(compared(published, as_layout(image(), tmp_path / "x"))) == "manifest"


def test_attack_59_provenance_changes_the_index_and_not_the_image(tmp_path: Path):
    published = index(image(), attested=True)
    rebuilt = as_layout(index(image()), tmp_path / "x")
    assert index(image()).digest != published.digest
    assert level(compared(published, rebuilt)) == "manifest"


def test_an_index_in_a_layout_may_be_the_pin_itself(tmp_path: Path):
    published = index(image(), attested=True)
    built = opened(as_layout(published, tmp_path / "x"))
    assert built.digests == (image().digest, published.digest)
    offline = look(f"x/y@{published.digest}", rebuild=Rebuild(built), required=False)
    assert level(offline) == "manifest"


@pytest.mark.parametrize("packing", ["none", "zstd"])
def test_another_compression_leaves_the_configuration_the_same(packing: str, tmp_path: Path):
    rebuilt = as_layout(image(packing=packing), tmp_path / "x")
    assert level(compared(image(), rebuilt)) == "config"


def test_attack_58_a_classic_archive_is_known_by_its_configuration(tmp_path: Path):
    path = write_docker_archive(image(), tmp_path / "x.tar", "server:latest")
    assert opened(path).digests == ()
    assert level(compared(image(), path)) == "config"


def test_other_dates_and_labels_leave_layers_and_settings_the_same(tmp_path: Path):
    rebuilt = image(
        created="2026-09-09T09:09:09Z",
        settings={
            "Entrypoint": [BINARY],
            "Cmd": None,
            "Env": ["HOME=/root", "PATH=/usr/bin"],
            "User": "1000",
            "WorkingDir": "/",
            "Labels": {"org.opencontainers.image.created": "2026"},
        },
    )
    assert level(compared(image(), as_layout(rebuilt, tmp_path / "x"))) == "layers"


def other_build() -> Image:
    return image((BASE, tar({"usr/local/bin/server": PROGRAM}, mtime=1_700_000_000)))


def published() -> Image:
    return image((BASE, tar({"usr/local/bin/server": PROGRAM})))


def test_attack_60_a_rebuild_with_other_times_is_not_reproducible_and_not_called_tampered(
    tmp_path: Path,
):
    findings = compared(published(), as_layout(other_build(), tmp_path / "x"))
    found = check(findings, "build")
    assert found.status is Status.REFUSED
    assert "not reproducible" in found.summary
    assert "no sign of tampering" in found.summary
    assert found.details[0] == "layer 2 of 2 is the first that differs"
    assert "RUN step 2" in found.details[1]
    assert (found.expected, found.actual) == (published().digest, other_build().digest)
    assert check(findings, "build-config").status is Status.PASS


def test_the_same_program_is_the_weakest_level(tmp_path: Path):
    same = Binaries(BINARY, digest(PROGRAM), digest(PROGRAM))
    findings = compared(published(), as_layout(other_build(), tmp_path / "x"), same)
    assert level(findings) == "binary"
    assert "the rest of the image was not reproduced" in check(findings, "build").summary


def test_attack_60_another_command_is_not_explained_away_by_time(tmp_path: Path):
    evil = image((BASE,), settings={"Entrypoint": ["/bin/sh"], "Env": ["LD_PRELOAD=/evil.so"]})
    same = Binaries(BINARY, digest(PROGRAM), digest(PROGRAM))
    findings = compared(evil, as_layout(published(), tmp_path / "x"), same)
    found = check(findings, "build-config")
    assert found.status is Status.REFUSED
    assert found.actual == "Entrypoint, Env, User"
    assert f"Entrypoint: built ['{BINARY}'], published ['/bin/sh']" in found.details


def test_values_of_the_environment_are_not_shown(tmp_path: Path):
    secret = image(settings={"Env": ["TOKEN=hunter2"]})
    findings = compared(secret, as_layout(image(), tmp_path / "x"))
    assert "hunter2" not in repr(findings)
    assert "TOKEN" in repr(check(findings, "build-config"))


def test_the_same_layers_with_another_configuration_are_told_apart(tmp_path: Path):
    findings = compared(image(settings={"User": "root"}), as_layout(image(), tmp_path / "x"))
    assert check(findings, "build").status is Status.REFUSED
    assert check(findings, "build").details[0].startswith("all 2 layers are the same")


def test_a_build_of_an_unpinned_image_has_nothing_to_be_compared_with(tmp_path: Path):
    rebuild = Rebuild(opened(as_layout(image(), tmp_path / "x")))
    assert check(look("x/y:1", rebuild=rebuild), "build").status is Status.UNEVALUABLE


def test_without_the_published_configuration_no_difference_is_claimed(tmp_path: Path):
    rebuild = Rebuild(opened(as_layout(other_build(), tmp_path / "x")))
    findings = look(f"x/y@{published().digest}", rebuild=rebuild, required=False)
    assert statuses(findings)["build"] == "unevaluable"


def test_a_build_for_another_platform_is_not_compared(tmp_path: Path):
    for write in (as_layout, write_docker_archive):
        with pytest.raises(EvidenceMissing, match="arm64"):
            opened(write(image(architecture="arm64"), tmp_path / write.__name__))


def test_two_images_for_one_platform_are_ambiguous(tmp_path: Path):
    both = index(image(), image(created="2027-01-01T00:00:00Z"))
    with pytest.raises(EvidenceMalformed, match="2 images"):
        opened(as_layout(both, tmp_path / "x"))


def test_an_engine_that_pulled_one_platform_has_an_index_that_names_more(tmp_path: Path):
    made = index(image(), image(architecture="arm64"))
    files = layout_files(made)
    for name in (made.images[1].digest, digest(made.images[1].config)):
        del files[f"blobs/sha256/{name.removeprefix('sha256:')}"]
    path = tmp_path / "x.tar"
    path.write_bytes(tar(files))
    assert opened(path).digests == (image().digest, made.digest)


@pytest.mark.parametrize("which", ["manifest", "config", "layer"])
def test_a_layout_whose_parts_are_not_what_their_names_say_is_refused(which: str, tmp_path: Path):
    made = image()
    name = {"manifest": made.digest, "config": digest(made.config), "layer": digest(made.layers[1])}
    folder = as_layout(made, tmp_path / "x")
    blob = folder / "blobs/sha256" / name[which].removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes().replace(b"a", b"b") + b" ")
    with pytest.raises(EvidenceMalformed):
        opened(folder)


def test_an_archive_with_another_layer_than_its_configuration_names_is_refused(tmp_path: Path):
    path = tmp_path / "x.tar"
    path.write_bytes(docker_archive(image()).replace(PROGRAM, PROGRAM[::-1]))
    with pytest.raises(EvidenceMalformed):
        opened(path)


def test_an_old_engines_link_between_layers_is_followed(tmp_path: Path):
    made = image((BASE, BASE))
    config = f"{digest(made.config).removeprefix('sha256:')}.json"
    listing = [{"Config": config, "Layers": ["a/layer.tar", "b/layer.tar"]}]
    path = tmp_path / "x.tar"
    files = {"a/layer.tar": BASE, "b/layer.tar": "../a/layer.tar", config: made.config}
    path.write_bytes(tar({**files, "manifest.json": json.dumps(listing).encode()}))
    assert opened(path).config.digest == digest(made.config)


def test_what_buildx_writes_for_an_engine_is_a_layout_and_a_saved_image(tmp_path: Path):
    made = image()
    path = tmp_path / "x.tar"
    names = [f"blobs/sha256/{digest(blob).removeprefix('sha256:')}" for blob in made.layers]
    config = f"blobs/sha256/{digest(made.config).removeprefix('sha256:')}"
    listing = json.dumps([{"Config": config, "RepoTags": None, "Layers": names}]).encode()
    path.write_bytes(tar({**layout_files(made), "manifest.json": listing}))
    assert opened(path, "any").digests == (made.digest,)
    assert opened(path, "docker").digests == ()
    assert opened(path, "docker").config == opened(path, "oci").config


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        b"{}",
        b"[]",
        b"[{}, {}]",
        b'[{"Config": 1, "Layers": []}]',
        b'[{"Config": "../../etc/passwd", "Layers": []}]',
        b'[{"Config": "missing.json", "Layers": []}]',
        b'[{"Config": "manifest.json", "Layers": {}}]',
    ],
)
def test_a_damaged_listing_is_malformed_or_missing(listing: bytes, tmp_path: Path):
    path = tmp_path / "x.tar"
    path.write_bytes(tar({"manifest.json": listing}))
    with pytest.raises(VerifyError):
        opened(path)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x1f\x8b" + b"x" * 600, b"\0" * 2048])
def test_what_is_no_archive_is_said_to_be_none(content: bytes, tmp_path: Path):
    path = tmp_path / "x.tar"
    path.write_bytes(content)
    with pytest.raises(VerifyError):
        opened(path)


def test_what_is_not_there_is_a_mistake_in_the_command(tmp_path: Path):
    with pytest.raises(EvidenceFileError):
        opened(tmp_path / "missing")
