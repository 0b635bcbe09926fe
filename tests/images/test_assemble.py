"""What an image holds: no tests, no symbols, no times in bytecode."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import images_assemble
import pytest
from images_assemble import (
    PACKAGES,
    ROOMS,
    check,
    compile_all,
    place_programs,
    remove_unused,
    strip,
)


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    packages = tmp_path / "image" / PACKAGES.relative_to("/image")
    packages.mkdir(parents=True)
    monkeypatch.setattr(images_assemble, "IMAGE", tmp_path / "image")
    monkeypatch.setattr(images_assemble, "PACKAGES", packages)
    monkeypatch.setattr(images_assemble, "SOURCE", tmp_path)
    return packages


def fill(packages: Path, *names: str, content: str = "VALUE = 1\n") -> None:
    for name in names:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(content)


def left(packages: Path) -> set[str]:
    return {str(p.relative_to(packages)) for p in packages.rglob("*") if p.is_file()}


def test_what_nothing_loads_is_removed(image: Path) -> None:
    kept = {"a/module.py", "a/testing.py", "Crypto/Hash/keccak.py", "a-1.dist-info/METADATA"}
    kept |= {"pygments/lexers/_mapping.py", "sqlalchemy/dialects/sqlite/base.py"}
    gone = {"a/tests/test_a.py", "a/b/testing/x.py", "a/stub.pyi", "a/fast.pyx", "a/fast.c"}
    gone |= {"Crypto/Cipher/AES.py", "pygments/lexers/python.py", "bin/a", "a-1.dist-info/RECORD"}
    gone |= {"sqlalchemy/dialects/oracle/base.py"}
    fill(image, *kept, *gone)
    remove_unused()
    assert left(image) == kept


def test_nothing_of_ours_is(image: Path) -> None:
    fill(image, "sp1tee/tests/x.py", "sp1tee/testing/y.pyi")
    remove_unused()
    assert left(image) == {"sp1tee/tests/x.py", "sp1tee/testing/y.pyi"}


class TestBytecode:
    def test_dependencies_have_no_sources_and_ours_have(self, image: Path) -> None:
        fill(image, "sp1tee/__init__.py", "a/__init__.py", "a/b.py", "single.py")
        compile_all()
        tag = sys.implementation.cache_tag
        assert left(image) == {
            *("sp1tee/__init__.py", f"sp1tee/__pycache__/__init__.{tag}.pyc"),
            *("a/__init__.pyc", "a/b.pyc", "single.pyc"),
        }

    def test_it_is_imported_as_it_is(self, image: Path) -> None:
        fill(image, "sp1tee/__init__.py", "a/__init__.py")
        compile_all()
        spec = importlib.util.spec_from_file_location("a", image / "a" / "__init__.pyc")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.VALUE == 1

    def test_neither_times_nor_the_place_of_the_build_have_a_say(
        self, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = tmp_path / "elsewhere" / PACKAGES.relative_to("/image")
        for packages, when in ((image, 1_000_000_000), (other, 1_700_000_000)):
            fill(packages, "sp1tee/__init__.py", "a.py", content="def f():\n    return {1, 2}\n")
            os.utime(packages / "a.py", (when, when))
        compile_all()
        monkeypatch.setattr(images_assemble, "IMAGE", tmp_path / "elsewhere")
        monkeypatch.setattr(images_assemble, "PACKAGES", other)
        compile_all()
        assert left(image) == left(other)
        for name in left(image):
            assert (image / name).read_bytes() == (other / name).read_bytes()

    def test_what_does_not_compile_ends_the_build(
        self, image: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fill(image, "sp1tee/__init__.py")
        fill(image, "a.py", content="def\n")
        with pytest.raises(SystemExit, match="does not compile"):
            compile_all()
        assert "SyntaxError" in capsys.readouterr().out


def test_libraries_lose_their_symbols_and_still_work(image: Path) -> None:
    if not (shutil.which("strip") and shutil.which("cc")):
        pytest.skip("needs a C compiler and binutils")
    source = image / "answer.c"
    source.write_text(
        "static int hidden(void) { return 42; }\nint answer(void) { return hidden(); }\n"
    )
    library = image / "a" / "answer.so"
    library.parent.mkdir()
    subprocess.run(["cc", "-g", "-shared", "-o", library, source], check=True)
    before = library.stat().st_size
    strip()
    assert library.stat().st_size < before
    assert b"hidden" not in library.read_bytes()
    ask = f"import ctypes; print(ctypes.CDLL({str(library)!r}).answer())"
    assert subprocess.check_output([sys.executable, "-c", ask]) == b"42\n"


class TestPrograms:
    @pytest.fixture
    def placed(self, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(os, "chown", lambda *_: None)
        fill(tmp_path, "compose/image/sp1tee", content="#!")
        place_programs()
        return tmp_path / "image"

    def test_they_can_be_run(self, placed: Path) -> None:
        assert (placed / "usr/local/bin/sp1tee").stat().st_mode & 0o777 == 0o755

    def test_native_ones_are_left_out_where_there_are_none(self, placed: Path) -> None:
        assert [path.name for path in (placed / "usr/local/bin").iterdir()] == ["sp1tee"]

    @pytest.mark.parametrize("folder", ["var/lib/sp1tee", "run/worker"])
    def test_what_is_written_to_is_its_owners_alone(self, placed: Path, folder: str) -> None:
        assert (placed / folder).stat().st_mode & 0o777 == 0o700


class TestImports:
    def test_a_module_that_lacks_a_dependency_ends_the_build(self, image: Path) -> None:
        fill(image, "sp1tee/__init__.py", "sp1tee/serve/__init__.py")
        fill(image, "sp1tee/serve/deep.py", content="import a_package_that_was_left_out\n")
        with pytest.raises(subprocess.CalledProcessError):
            check(("serve",))

    def test_those_that_have_all_pass(self, image: Path) -> None:
        fill(image, "sp1tee/__init__.py", "sp1tee/serve/__init__.py", "sp1tee/serve/deep.py")
        check(("serve",))

    @pytest.mark.parametrize("name", ROOMS)
    def test_every_room_exists(self, name: str) -> None:
        for room in ROOMS[name]:
            assert importlib.util.find_spec(f"sp1tee.{room}") is not None
