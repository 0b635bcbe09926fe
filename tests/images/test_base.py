"""Stand-ins for base images: their shape, out of packages that are made here."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from images_base import MIRRORS, make_base, make_builder
from images_layouts import Image

FILES = {
    "./usr/bin/python3.11": b"\x7fELF",
    "./usr/bin/dpkg": b"\x7fELF",
    "./bin/dash": b"\x7fELF",
    "./bin/sh": "dash",
    "./usr/bin/openssl": b"\x7fELF",
    "./lib/x86_64-linux-gnu/libc.so.6": b"\x7fELF",
    "./lib64/ld-linux-x86-64.so.2": "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "./usr/lib/x86_64-linux-gnu/gconv/BIG5.so": b"\x7fELF",
    "./usr/lib/python3.11/os.py": b"",
    "./usr/lib/python3.11/test/support.py": b"",
    "./usr/share/ca-certificates/mozilla/B.crt": b"second\n",
    "./usr/share/ca-certificates/mozilla/A.crt": b"first\n",
    "./usr/share/doc/libc6/copyright": b"GPL",
    "./usr/share/doc/libc6/changelog.gz": b"",
    "./var/lib/dpkg/status": b"",
    "./etc/apt/sources.list": b"",
    "./etc/os-release": b"ID=debian",
    "./usr/bin/strip": "x86_64-linux-gnu-strip",
}
KEPT = {
    *("usr/bin/python3.11", "usr/bin/python3", "lib/x86_64-linux-gnu/libc.so.6"),
    *("lib64/ld-linux-x86-64.so.2", "usr/lib/python3.11/os.py", "etc/os-release"),
    *("usr/share/ca-certificates/mozilla/A.crt", "usr/share/ca-certificates/mozilla/B.crt"),
    *("usr/share/doc/libc6/copyright", "etc/ssl/certs/ca-certificates.crt"),
    *("etc/passwd", "etc/group", "etc/nsswitch.conf"),
}


def packages() -> bytes:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as writing:
        writing.writestr("pip/__main__.py", "")
    made = io.BytesIO()
    pip = {"./usr/share/python-wheels/pip-23.0.1-py3-none-any.whl": wheel.getvalue()}
    with tarfile.open(fileobj=made, mode="w") as writing:
        for name, content in {**FILES, **pip}.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                writing.addfile(info)
            else:
                info.size = len(content)
                writing.addfile(info, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mmdebstrap that has everything already, and logs what it was asked for."""
    (tmp_path / "packages.tar").write_bytes(packages())
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh -e\nprintf \'%s\\n\' "$SOURCE_DATE_EPOCH" "$@" > {tmp_path}/asked\n'
        f"for word; do case $word in *.tar) cp {tmp_path}/packages.tar $word;; esac; done\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "asked"


def contents(image: Image) -> dict[str, tarfile.TarInfo]:
    (layer,) = image.layers
    with tarfile.open(layer) as archive:
        return {member.name: member for member in archive}


def text(image: Image, name: str) -> str:
    (layer,) = image.layers
    with tarfile.open(layer) as archive:
        content = archive.extractfile(name)
        assert content is not None
        return content.read().decode()


@pytest.fixture
def base(tmp_path: Path) -> Image:
    return make_base(tmp_path / "base", MIRRORS, 0)


def test_it_has_python_and_libraries_and_no_shell_or_package_manager(base: Image) -> None:
    assert {name for name, each in contents(base).items() if not each.isdir()} == KEPT


def test_it_has_a_user_and_places_to_write(base: Image) -> None:
    found = contents(base)
    assert (found["home/nonroot"].uid, found["home/nonroot"].mode) == (65532, 0o700)
    assert found["tmp"].mode == 0o1777
    assert base.settings["User"] == "65532"
    assert "nonroot:x:65532:" in text(base, "etc/passwd")


def test_all_cas_are_in_one_file_in_a_fixed_order(base: Image) -> None:
    assert text(base, "etc/ssl/certs/ca-certificates.crt") == "first\nsecond\n"


def test_the_same_packages_give_the_same_base(base: Image, tmp_path: Path) -> None:
    assert make_base(tmp_path / "again", MIRRORS, 0).manifest == base.manifest


def test_a_builder_has_pip_and_binutils_beside(tmp_path: Path) -> None:
    found = contents(make_builder(tmp_path / "builder", MIRRORS, 0))
    assert {"usr/lib/python3/dist-packages/pip/__main__.py", "usr/bin/strip"} <= found.keys()


def test_packages_come_from_the_mirrors_that_are_named(tmp_path: Path, asked: Path) -> None:
    make_base(tmp_path / "base", ("deb https://mirror.example/x bookworm main",), 77)
    words = asked.read_text().splitlines()
    assert words[0] == "77"
    assert words[-1] == "deb https://mirror.example/x bookworm main"
    assert "--variant=extract" in words
