"""Engines: how they are asked, and that they build the same bytes twice."""

import os
import shutil
from pathlib import Path

import pytest
from images_engines import ENGINES, Order, find_engine
from images_layers import Entry
from images_layouts import Image, make_image, rewrite

TINY = """\
ARG BASE=scratch
FROM ${{BASE}} AS {stage}
COPY missing /
FROM ${{BASE}}
COPY --from={stage} / /opt/
ARG SOURCE_DATE_EPOCH
LABEL epoch=${{SOURCE_DATE_EPOCH}}
USER 65532:65532
HEALTHCHECK CMD ["/opt/program", "ready"]
ENTRYPOINT ["/opt/program"]
"""
EPOCH = 1_790_000_000


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def stand_in(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(("#!/bin/sh -e", *lines)))
    (folder / name).chmod(0o755)


class TestChoice:
    def test_buildx_is_preferred(self, bin_folder: Path) -> None:
        stand_in(bin_folder, "docker")
        stand_in(bin_folder, "buildah")
        assert find_engine().name == "buildx"

    def test_a_docker_without_buildx_is_none(self, bin_folder: Path) -> None:
        stand_in(bin_folder, "docker", "exit 1")
        stand_in(bin_folder, "buildah")
        assert find_engine().name == "buildah"

    def test_one_can_be_named(self, bin_folder: Path) -> None:
        stand_in(bin_folder, "docker")
        stand_in(bin_folder, "buildah")
        assert find_engine("buildah").name == "buildah"

    def test_without_any_it_is_said_what_to_install(
        self, bin_folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as end:
            find_engine()
        assert end.value.code == 3
        assert "apt-get install buildah" in capsys.readouterr().err


class TestBuildx:
    @pytest.fixture
    def asked(self, bin_folder: Path, tmp_path: Path) -> list[str]:
        log = tmp_path / "log"
        stand_in(bin_folder, "docker", f'printf "%s\\n" "$@" > {log}', "exit 7")
        for name in ("base", "builder"):
            make_image(tmp_path / "bases" / name, {}, {}, maker="m", epoch=0)
        order = Order("Dockerfile", tmp_path, {"A": "b"}, {"wheels": tmp_path}, tmp_path / "bases")
        with pytest.raises(SystemExit, match="exit code 7"):
            ENGINES["buildx"].build(order, tmp_path / "out")
        return log.read_text().splitlines()

    def test_it_has_no_network_no_cache_and_attests_nothing(self, asked: list[str]) -> None:
        assert {"--network=none", "--no-cache", "--provenance=false", "--sbom=false"} <= set(asked)

    def test_stand_ins_are_named_by_their_digests(self, asked: list[str], tmp_path: Path) -> None:
        (context,) = (word for word in asked if "stand-in-base=" in word)
        assert context.startswith(
            f"--build-context=stand-in-base=oci-layout://{tmp_path}/bases/base@sha256:"
        )
        assert "--build-arg=BASE=stand-in-base" in asked

    def test_folders_and_arguments_are_handed_over(self, asked: list[str], tmp_path: Path) -> None:
        assert {"--build-arg=A=b", f"--build-context=wheels={tmp_path}"} <= set(asked)


class TestBuildah:
    """The real one, on images of a few bytes."""

    @pytest.fixture
    def order(self, tmp_path: Path) -> Order:
        if shutil.which("buildah") is None or os.geteuid() != 0:
            pytest.skip("needs buildah, and root to run it")
        for name in ("base", "builder"):
            files = {"etc/passwd": Entry.file(b"root:x:0:0::/:/\n")}
            make_image(tmp_path / "Bases" / name, files, {"Env": ["PATH=/bin"]}, maker="m", epoch=0)
        (tmp_path / "Dockerfile").write_text(TINY.format(stage="content"))
        content = tmp_path / "content"
        (content / "sub").mkdir(parents=True)
        (content / "program").write_text("#!")
        (content / "program").chmod(0o755)
        (content / "sub" / "data").write_text("x")
        arguments = {"SOURCE_DATE_EPOCH": str(EPOCH)}
        return Order("Dockerfile", tmp_path, arguments, {"content": content}, tmp_path / "Bases")

    def make(self, order: Order, folder: Path) -> Image:
        built = ENGINES["buildah"].build(order, folder / "built")
        return rewrite(built, folder / "out", base="base", maker="Dockerfile", epoch=EPOCH)

    def test_what_it_builds_is_the_same_each_time(self, order: Order, tmp_path: Path) -> None:
        made = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            os.utime(tmp_path / "content" / "program", (len(made), len(made)))
            made.append(self.make(order, tmp_path / name).manifest)
        assert made[0] == made[1]

    def test_a_folder_stands_in_for_a_stage_and_nothing_is_lost(
        self, order: Order, tmp_path: Path
    ) -> None:
        made = self.make(order, tmp_path)
        assert made.settings["Entrypoint"] == ["/opt/program"]
        assert made.settings["User"] == "65532:65532"
        assert made.settings["Healthcheck"]["Test"] == ["CMD", "/opt/program", "ready"]
        assert made.settings["Env"] == ["PATH=/bin"]
        assert made.labels == {"epoch": str(EPOCH)}
        assert len(made.layers) == 2
