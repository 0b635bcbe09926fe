"""Build stand-ins for the images that ours are built from, out of Debian's packages.

`python tools/images_base.py FOLDER` makes two OCI layouts: `FOLDER/base` in the shape of
`gcr.io/distroless/python3-debian12:nonroot` (Python 3.11, libc, CAs, a user, and neither a shell
nor a package manager) and `FOLDER/builder` (the same with pip and binutils). They are for places
where registries cannot be reached, such as tests: `BASE=FOLDER just images`. Images on a stand-in
are not those that are released. On the same packages they are the same bytes, whenever and wherever
they are made; `--mirror https://snapshot.debian.org/archive/debian/DATE` holds packages still.

Needs mmdebstrap, and root or user namespaces. The exit code is 3 if it is not installed.
"""

import argparse
import os
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import native_cache
from images_layers import Entry, entries_of
from images_layouts import Image, make_image

SUITE: Final = "bookworm"
MIRRORS: Final = (
    f"deb http://deb.debian.org/debian {SUITE} main",
    f"deb http://deb.debian.org/debian {SUITE}-updates main",
    f"deb http://deb.debian.org/debian-security {SUITE}-security main",
)
# What distroless has for Python, less what nothing of ours loads (Kerberos, readline, Berkeley DB).
_BASE: Final = (
    *("base-files", "netbase", "tzdata", "media-types", "ca-certificates"),
    *("libc6", "libssl3", "libgcc-s1", "libstdc++6", "libgomp1"),
    *("python3.11-minimal", "libpython3.11-stdlib", "libsqlite3-0", "libffi8", "libuuid1"),
    *("liblzma5", "libbz2-1.0", "libexpat1", "zlib1g"),
)
_BUILDER: Final = ("python3-pip-whl", "binutils")
# Packages bring others that only they need to be installed. Of all of them, this is taken.
_KEPT: Final = re.compile(
    r"lib(64)?/|usr/lib/(x86_64-linux-gnu|python3\.11|python3|ssl)/|usr/lib/os-release"
    r"|usr/bin/python3\.11$|usr/share/(zoneinfo|ca-certificates|common-licenses)/"
    r"|usr/share/doc/[^/]+/copyright$"
    r"|etc/(ssl/|os-release|debian_version|services|protocols|rpc|ethertypes|mime\.types)"
)
_DROPPED: Final = re.compile(
    r"lib/(systemd|udev|init)/|/(gconv|perl|perl-base|security|sasl2)/|/perl5?/|/libdb-5"
    r"|/zoneinfo/(right|posix)/|/python3\.11/(test|pydoc_data)/"
)
_BUILDER_KEPT: Final = re.compile(r"usr/bin/|usr/share/python-wheels/")
_CA: Final = re.compile(r"usr/share/ca-certificates/mozilla/[^/]+\.crt")
_USER: Final = 65532
_SETTINGS: Final = {
    "User": str(_USER),
    "WorkingDir": "/home/nonroot",
    "Entrypoint": ["/usr/bin/python3.11"],
    "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
        "LANG=C.UTF-8",
    ],
}


def make_base(folder: Path, mirrors: tuple[str, ...], epoch: int) -> Image:
    """Build what containers run on."""
    with _unpacked(_BASE, mirrors, epoch) as entries:
        return _image(folder, _kept(entries, _KEPT), _SETTINGS, epoch)


def make_builder(folder: Path, mirrors: tuple[str, ...], epoch: int) -> Image:
    """Build what images are built in: as root, with pip and binutils."""
    with _unpacked((*_BASE, *_BUILDER), mirrors, epoch) as entries:
        kept = _kept(entries, _KEPT) | _kept(entries, _BUILDER_KEPT)
        return _image(folder, kept | _pip(kept), _SETTINGS | {"User": "0"}, epoch)


@contextmanager
def _unpacked(
    packages: tuple[str, ...], mirrors: tuple[str, ...], epoch: int
) -> Iterator[dict[str, Entry]]:
    """Unpack packages, and those that they depend on, without running anything of them."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "packages.tar"
        native_cache.carry_out(
            *("mmdebstrap", "--quiet", "--variant=extract", "--architectures=amd64"),
            *(f"--include={','.join(packages)}", SUITE, str(path), *mirrors),
            env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch)},
        )
        with tarfile.open(path) as archive:
            yield entries_of(archive)


def _kept(entries: Mapping[str, Entry], wanted: re.Pattern[str]) -> dict[str, Entry]:
    return {
        name: entry
        for name, entry in entries.items()
        if wanted.match(name) and not _DROPPED.search(name) and entry.kind != tarfile.DIRTYPE
    }


def _image(
    folder: Path, entries: Mapping[str, Entry], settings: Mapping[str, object], epoch: int
) -> Image:
    made = {**entries, **_made(entries)}
    return make_image(folder, made, settings, maker=f"Debian {SUITE}", epoch=epoch)


def _made(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Make what maintainers' scripts would have made, and a user."""
    own = (_USER, _USER)
    passwd = f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{_USER}:{_USER}::/home/nonroot:/\n"
    return {
        "etc/passwd": Entry.file(passwd.encode()),
        "etc/group": Entry.file(f"root:x:0:\nnonroot:x:{_USER}:\n".encode()),
        "etc/nsswitch.conf": Entry.file(b"hosts: files dns\n"),
        "etc/ssl/certs/ca-certificates.crt": Entry.file(_bundle(entries)),
        "home/nonroot": Entry.folder(0o700, own),
        "root": Entry.folder(0o700),
        "tmp": Entry.folder(0o1777),
        "var/tmp": Entry.folder(0o1777),
        "usr/bin/python3": Entry.to("python3.11"),
    }


def _bundle(entries: Mapping[str, Entry]) -> bytes:
    """Return all CAs in one file, in the order of their names."""
    found = (entries[name].content for name in sorted(entries) if _CA.fullmatch(name))
    return b"".join(content.read() for content in found if content is not None)


def _pip(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Unpack Debian's wheel of pip to where its Python finds it."""
    (name,) = (name for name in entries if re.search(r"/pip-[^/]+\.whl$", name))
    content = entries[name].content
    assert content is not None
    with zipfile.ZipFile(content) as wheel:
        return {
            f"usr/lib/python3/dist-packages/{member}": Entry.file(wheel.read(member))
            for member in wheel.namelist()
            if not member.endswith("/")
        }


def main() -> None:
    """Command line: where the layouts are, and their digests, on standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--mirror", action="append", metavar="URL", help="instead of Debian's; may be repeated"
    )
    flags = parser.parse_args()
    native_cache.require("to build a base", {"mmdebstrap": "apt-get install mmdebstrap"})
    mirrors = tuple(f"deb {url} {SUITE} main" for url in flags.mirror or ()) or MIRRORS
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for name, make in (("base", make_base), ("builder", make_builder)):
        made = make(flags.folder / name, mirrors, epoch)
        print(made.path, made.manifest)


if __name__ == "__main__":
    main()
