"""Locks: one wheel a package, and what pyproject.toml asks for."""

import re
import shutil
from pathlib import Path

import pytest
from images_locks import EXTRAS, LEFT_OUT, LOCKS, ROOT, Locks

LINE = re.compile(r"[A-Za-z0-9._-]+==\S+ --hash=sha256:[0-9a-f]{64}")


@pytest.fixture
def copied(tmp_path: Path) -> Locks:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "compose").mkdir()
    for name in LOCKS:
        shutil.copy(Locks().path(name), tmp_path / "compose")
    return Locks(tmp_path)


def replace(locks: Locks, name: str, pattern: str, by: str) -> None:
    path = locks.path(name)
    text, count = re.subn(pattern, by, path.read_text(), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text)


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_of_this_checkout_is_what_pyproject_asks_for(name: str) -> None:
    assert list(Locks().complaints(name)) == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_names_one_wheel_and_no_index(name: str) -> None:
    lines = [x for x in Locks().path(name).read_text().splitlines() if not x.startswith("#")]
    assert lines
    assert [line for line in lines if not LINE.fullmatch(line)] == []


@pytest.mark.parametrize("name", EXTRAS)
def test_what_only_auditors_need_is_in_no_image(name: str) -> None:
    assert not LEFT_OUT & Locks().locked(name).keys()


def test_a_package_that_is_missing_is_named(copied: Locks) -> None:
    replace(copied, "server", r"^h2corn==.*\n", "")
    assert list(copied.complaints("server")) == ["requirements.server.lock lacks h2corn"]


def test_a_version_that_was_not_asked_for_is_named(copied: Locks) -> None:
    replace(copied, "fulfiller", r"^unicorn==[0-9.]+", "unicorn==1.0.0")
    (complaint,) = copied.complaints("fulfiller")
    assert complaint == "requirements.fulfiller.lock has unicorn 1.0.0, not unicorn<3,>=2.1.4"


def test_a_package_that_is_not_wanted_is_named(copied: Locks) -> None:
    with copied.path("server").open("a") as file:
        file.write(f"docker==7.2.0 --hash=sha256:{'0' * 64}\n")
    (complaint,) = copied.complaints("server")
    assert complaint == "requirements.server.lock has docker, which only auditors need"


@pytest.mark.parametrize(
    "line",
    [
        "h2corn==2.0.0",
        "h2corn>=2",
        f"h2corn==2.0.0 --hash=md5:{'0' * 32}",
        f"h2corn==2.0.0 --hash=sha256:{'0' * 64} --hash=sha256:{'1' * 64}",
        "--index-url https://example.org/simple",
        "h2corn @ https://example.org/h2corn.whl",
    ],
)
def test_any_other_line_is_refused(copied: Locks, line: str) -> None:
    copied.path("server").write_text(f"{line}\n")
    with pytest.raises(SystemExit, match="one version with one hash"):
        copied.locked("server")
