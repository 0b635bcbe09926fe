"""Layouts: an engine's image written down in the fixed form, for everybody to read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from images_layers import Entry
from images_layouts import Image, make_image, read_image, rewrite
from images_load import write_archive
from support.oci import Image as Handmade
from support.oci import image, tar, write_layout

from sp1tee.verify.digests import Platform
from sp1tee.verify.digests.opening import open_built

EPOCH = 1_790_000_000
BASE = tar({"usr/bin/python3.11": b"\x7fELF", "etc/passwd": b"root"}, mtime=5)
OWN = tar({"usr/local/bin/sp1tee": b"#!"}, mtime=77)
SETTINGS = {
    "Entrypoint": ["/usr/local/bin/sp1tee"],
    "Env": ["PATH=/usr/bin"],
    "User": "65532:65532",
    "Labels": {"org.opencontainers.image.version": "0.1.0"},
    "Healthcheck": {"Test": ["CMD", "/usr/local/bin/sp1tee-ready"]},
}


def built(folder: Path, **changes: Any) -> Image:
    made = image((BASE, OWN), **{"settings": SETTINGS, **changes})
    return read_image(write_layout(made, folder / "built"))


def rewritten(folder: Path, of: Image) -> Image:
    return rewrite(of, folder / "out", base="base@sha256:1", maker="Dockerfile", epoch=EPOCH)


def write_dir(made: Handmade, folder: Path) -> Path:
    """Write what `buildah push dir:` writes."""
    folder.mkdir()
    (folder / "manifest.json").write_bytes(made.manifest)
    for name, blob in made.blobs.items():
        (folder / name.removeprefix("sha256:")).write_bytes(blob)
    return folder


@pytest.fixture
def done(tmp_path: Path) -> Image:
    return rewritten(tmp_path, built(tmp_path))


def test_settings_and_labels_are_kept(done: Image) -> None:
    assert done.settings == SETTINGS
    assert done.labels == {"org.opencontainers.image.version": "0.1.0"}


def test_a_base_layer_is_the_same_and_ours_has_one_time(done: Image, tmp_path: Path) -> None:
    before = built(tmp_path / "again")
    assert done.diff_ids[0] == before.diff_ids[0]
    assert done.diff_ids[1] != before.diff_ids[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"packing": "none"},
        {"created": "2031-01-01T00:00:00Z"},
        {"docker": True},
        {"settings": {**SETTINGS, "Hostname": "9a4ec7cd78bd", "Cmd": [], "Volumes": None}},
    ],
    ids=["packing", "time", "media types", "what engines add"],
)
def test_what_engines_add_of_themselves_has_no_say(
    done: Image, tmp_path: Path, changes: dict[str, Any]
) -> None:
    (tmp_path / "other").mkdir()
    other = rewritten(tmp_path / "other", built(tmp_path / "other", **changes))
    assert other.manifest == done.manifest


def test_a_setting_has(done: Image, tmp_path: Path) -> None:
    other = built(tmp_path / "other", settings={**SETTINGS, "User": "0"})
    assert rewritten(tmp_path / "other", other).manifest != done.manifest


def test_what_buildah_leaves_becomes_the_same_image(done: Image, tmp_path: Path) -> None:
    made = image((BASE, OWN), settings=SETTINGS, docker=True, packing="none")
    other = read_image(write_dir(made, tmp_path / "dir"))
    assert rewritten(tmp_path / "from-dir", other).manifest == done.manifest


def test_what_lay_there_before_is_gone(done: Image) -> None:
    (done.path / "blobs" / "sha256" / "rubbish").touch()
    again = rewrite(done, done.path.parent / "twice", base="b", maker="m", epoch=EPOCH)
    rewrite(again, done.path, base="base@sha256:1", maker="Dockerfile", epoch=EPOCH)
    assert not (done.path / "blobs" / "sha256" / "rubbish").exists()


def test_blobs_are_named_by_their_digests_and_measured(done: Image) -> None:
    blobs = list((done.path / "blobs" / "sha256").iterdir())
    assert sum(blob.stat().st_size for blob in blobs) == done.size
    assert done.unpacked == len(b"\x7fELF") + len(b"root") + len(b"#!")


def test_the_history_says_where_each_layer_is_from(done: Image) -> None:
    config = json.loads(done.config_path.read_bytes())
    assert config["created"] == "2026-09-21T14:13:20Z" == config["history"][0]["created"]
    assert [step["created_by"] for step in config["history"]] == [
        "FROM base@sha256:1",
        "Dockerfile",
    ]


def test_an_auditor_reads_it(done: Image, tmp_path: Path) -> None:
    compose = tmp_path / "docker-compose.yml"
    compose.write_text(f"services:\n  server:\n    image: example.org/s@{done.manifest}\n")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "sp1tee", "verify", "digests", str(compose), "--offline"),
            *("--built", f"server=oci-layout:{done.path}", "--format", "json"),
        ],
        capture_output=True,
        check=False,
    )
    (found,) = [c for c in json.loads(ran.stdout)["checks"] if c["id"] == "digests.build"]
    assert (found["status"], found["actual"]) == ("pass", f"the same manifest: {done.manifest}")


def test_an_image_of_one_layer_is_made_without_an_engine(tmp_path: Path) -> None:
    made = [
        make_image(tmp_path / name, {"f": Entry.file(b"x")}, {"User": "1"}, maker="m", epoch=0)
        for name in ("a", "b")
    ]
    assert made[0].manifest == made[1].manifest
    assert made[0].settings == {"User": "1"}


def test_any_docker_takes_it_as_what_docker_saves(done: Image, tmp_path: Path) -> None:
    with (tmp_path / "image.tar").open("wb") as file:
        write_archive(done, "sp1tee/server:dev", file)
    with open_built(tmp_path / "image.tar", "docker", Platform.parse("linux/amd64")) as read:
        assert (read.config.digest, read.config.diff_ids) == (done.config, done.diff_ids)
