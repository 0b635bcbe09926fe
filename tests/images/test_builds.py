"""What is built: a commit, and nothing that lies around it."""

import json
import os
import subprocess
from pathlib import Path

import images
import images_builds
import pytest
from images_builds import Build, Commit, fresh_clone, public_url
from images_engines import Order
from images_layouts import Image, read_image
from support.oci import image, tar, write_layout

WHEN = 1_750_000_000
PROJECT = '[project]\nname = "x"\nversion = "1.2.3"\n'
DOCKERFILE = "ARG BASE=example.org/base:1@sha256:2\nFROM ${BASE}\nCOPY --from=build /image/ /\n"


def git(folder: Path, *words: str) -> None:
    identity = {
        f"GIT_{who}_{what}": "test@example.org" if what == "EMAIL" else "test"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    dates = {"GIT_AUTHOR_DATE": f"@{WHEN} +0200", "GIT_COMMITTER_DATE": f"@{WHEN} +0200"}
    command = ["git", "-C", str(folder), *words]
    subprocess.run(command, check=True, env=os.environ | identity | dates, capture_output=True)


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    root = tmp_path / "checkout"
    for name, text in {
        "pyproject.toml": PROJECT,
        "src/x.py": "",
        "compose/Dockerfile.server": DOCKERFILE,
        "compose/Dockerfile.fulfiller": DOCKERFILE,
        "tools/images_assemble.py": "",
        "tools/images_fetch.py": "",
        "tests/secret.txt": "",
        "README.md": "",
        "LICENSE": "",
        "native/Cargo.toml": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root.parent, "init", "--quiet", str(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "x")
    return Commit(root)


class TestCommit:
    def test_its_time_is_the_images_time(self, commit: Commit) -> None:
        assert commit.epoch == WHEN
        assert len(commit.revision) == 40

    def test_only_what_an_image_is_made_of_is_laid_out(
        self, commit: Commit, tmp_path: Path
    ) -> None:
        commit.unpack(tmp_path / "out")
        assert (tmp_path / "out/src/x.py").exists()
        assert not (tmp_path / "out/tests").exists()

    def test_what_lies_around_is_not(self, commit: Commit, tmp_path: Path) -> None:
        (commit.root / "src" / "stray.py").touch()
        (commit.root / "pyproject.toml").write_text("changed")
        commit.unpack(tmp_path / "out")
        assert not (tmp_path / "out/src/stray.py").exists()
        assert (tmp_path / "out/pyproject.toml").read_text() == PROJECT

    def test_no_umask_has_a_say(self, commit: Commit, tmp_path: Path) -> None:
        git(commit.root, "config", "tar.umask", "0077")
        before = os.umask(0o077)
        try:
            commit.unpack(tmp_path / "out")
        finally:
            os.umask(before)
        assert (tmp_path / "out/src/x.py").stat().st_mode & 0o777 == 0o644

    def test_a_fresh_clone_has_the_same_one(self, commit: Commit) -> None:
        with fresh_clone(commit) as clone:
            assert clone.root != commit.root
            assert (clone.revision, clone.epoch) == (commit.revision, commit.epoch)

    def test_it_does_not_guess_where_its_repository_is(self, commit: Commit) -> None:
        assert commit.source == ""
        git(commit.root, "remote", "add", "origin", "https://token@example.org/a/b.git")
        assert Commit(commit.root).source == "https://example.org/a/b"


@pytest.mark.parametrize(
    ("remote", "public"),
    [
        ("https://example.org/a/b.git", "https://example.org/a/b"),
        ("https://user:password@example.org/a/b", "https://example.org/a/b"),
        ("git@example.org:a/b.git", "https://example.org/a/b"),
        ("ssh://git@example.org/a/b", "https://example.org/a/b"),
        ("/srv/checkouts/b", ""),
        ("../b", ""),
        ("http://example.org/a/b", ""),
    ],
)
def test_a_repository_is_named_as_everybody_reaches_it(remote: str, public: str) -> None:
    assert public_url(remote) == public


class FakeEngine:
    """Remembers the order, and leaves an image with everything of its own."""

    name = "fake"

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.seen: dict[str, list[str]] = {}

    def build(self, order: Order, folder: Path) -> Image:
        self.orders.append(order)
        self.seen |= {k: sorted(p.name for p in v.iterdir()) for k, v in order.contexts.items()}
        labels = {
            "org.opencontainers.image.revision": order.arguments["REVISION"],
            "org.opencontainers.image.version": order.arguments["VERSION"],
            "org.opencontainers.image.source": order.arguments["SOURCE"],
        }
        made = image(
            (tar({"usr/bin/python3": b""}), tar({"f": b"", "d": None}, mtime=len(self.orders))),
            settings={"Labels": labels, "Hostname": os.urandom(6).hex()},
        )
        return read_image(write_layout(made, folder))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    made = FakeEngine()

    def fetch(lock: Path, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / f"{lock.name}.whl").touch()

    monkeypatch.setattr(images_builds, "fetch", fetch)
    monkeypatch.setattr(images, "find_engine", lambda _: made)
    return made


class TestBuild:
    def make(self, commit: Commit, engine: FakeEngine, out: Path, name: str = "server") -> Image:
        prover = commit.root / "sp1tee-prover"
        prover.touch()
        build = Build(commit, engine, "https://example.org/x", None, {"native": prover})
        return build.make(name, out)

    def test_the_build_is_told_what_it_is_of(
        self, commit: Commit, engine: FakeEngine, tmp_path: Path
    ) -> None:
        self.make(commit, engine, tmp_path)
        assert engine.orders[0].arguments == {
            "SOURCE_DATE_EPOCH": str(WHEN),
            "SOURCE": "https://example.org/x",
            "REVISION": commit.revision,
            "VERSION": "1.2.3",
            "CREATED": "2025-06-15T15:06:40Z",
        }

    def test_it_has_no_need_of_a_network(
        self, commit: Commit, engine: FakeEngine, tmp_path: Path
    ) -> None:
        self.make(commit, engine, tmp_path, "fulfiller")
        assert engine.seen == {
            "wheels": ["requirements.build.lock.whl", "requirements.fulfiller.lock.whl"],
            "native": ["sp1tee-prover"],
            "gpu": [],
        }

    def test_the_history_names_the_pinned_base(
        self, commit: Commit, engine: FakeEngine, tmp_path: Path
    ) -> None:
        made = self.make(commit, engine, tmp_path)
        history = json.loads(made.config_path.read_bytes())["history"]
        assert [step["created_by"] for step in history] == [
            "FROM example.org/base:1@sha256:2",
            "compose/Dockerfile.server",
        ]

    def test_two_builds_give_one_digest(
        self, commit: Commit, engine: FakeEngine, tmp_path: Path
    ) -> None:
        digests = {self.make(commit, engine, tmp_path / n).manifest for n in ("a", "b")}
        assert len(engine.orders) == 2
        assert len(digests) == 1


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _here(self, commit: Commit, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(images, "ROOT", commit.root)
        for name in ("BASE", "SP1TEE_PROVER", "SP1_GPU_SERVER"):
            monkeypatch.delenv(name, raising=False)

    def run(self, *words: object) -> None:
        flags = images.parser().parse_args([str(word) for word in words])
        flags.run(flags)

    def test_what_is_built_can_be_shown_and_verified(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.run("build", "--out", tmp_path / "out")
        built = capfd.readouterr().out
        self.run("show", "--out", tmp_path / "out")
        shown = capfd.readouterr().out
        assert shown.startswith(built)
        assert f"--built server=oci-layout:{tmp_path}/out/server" in shown
        self.run("verify", "--out", tmp_path / "out")
        assert capfd.readouterr().out.count("is the same") == 2

    def test_a_build_that_differs_is_named(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.run("build", "--out", tmp_path / "out", "--image", "server")
        built = read_image(tmp_path / "out" / "server")
        write_layout(image(settings=built.settings), tmp_path / "other" / "server")
        with pytest.raises(SystemExit, match="not reproduced: server"):
            self.run("verify", "--out", tmp_path / "other", "--image", "server")
        assert "server is another: sha256:" in capfd.readouterr().out

    def test_compose_files_name_what_was_built(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.run("build", "--out", tmp_path / "out")
        self.run(
            *("compose", "--out", tmp_path / "out", "--to", tmp_path / "deploy"),
            *("--repository", "example.org/x", "--domain", "tee.example.net"),
        )
        text = (tmp_path / "deploy" / "docker-compose.yml").read_text()
        manifest = read_image(tmp_path / "out" / "server").manifest
        assert f"image: example.org/x/sp1tee-server:1.2.3@{manifest}\n" in text
        assert "DOMAIN: tee.example.net\n" in text
        assert "app-compose.json" in capfd.readouterr().out
