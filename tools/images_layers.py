"""Layers whose bytes depend on the files in them and on nothing else.

Engines disagree about how a layer is written down: order, times, names of users, extended headers,
and which of the folders above a file stand in it. Ours are written in one way, so that two
engines that built the same files have built the same layer (OCI image-spec v1.1, layer.md).
"""

import gzip
import hashlib
import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, normpath
from typing import IO, Final, Self

# They are packed once and pulled often.
_LEVEL: Final = 9
_CHUNK: Final = 1 << 20
_KINDS: Final = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, a folder or a symbolic link.

    Attributes:
        kind: which, as tar names it.
        mode: who may do what with it.
        owner: user and group, by number.
        link: where a link points.
        content: what is in a file.
    """

    kind: bytes
    mode: int
    owner: tuple[int, int] = (0, 0)
    link: str = ""
    content: IO[bytes] | None = None

    @classmethod
    def file(cls, content: bytes, mode: int = 0o644) -> Self:
        """Make a file of root's."""
        return cls(tarfile.REGTYPE, mode, content=io.BytesIO(content))

    @classmethod
    def folder(cls, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> Self:
        """Make a folder."""
        return cls(tarfile.DIRTYPE, mode, owner)

    @classmethod
    def to(cls, link: str) -> Self:
        """Make a symbolic link."""
        return cls(tarfile.SYMTYPE, 0o777, link=link)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in a file, as gzip.

    Attributes:
        path: the file.
        digest: SHA-256 of it.
        diff_id: SHA-256 of what is packed in it.
        size: how long the file is.
    """

    path: Path
    digest: str
    diff_id: str
    size: int


def entries_of(archive: tarfile.TarFile) -> dict[str, Entry]:
    """Return what an archive holds, by path without a leading slash; the last of a name counts.

    A hard link becomes a file of its own. Devices are left out: engines make them.
    """
    found: dict[str, Entry] = {}
    for member in archive:
        name = normpath(member.name).strip("/")
        kind = tarfile.REGTYPE if member.islnk() else member.type
        if name != "." and kind in _KINDS:
            content = archive.extractfile(member) if kind == tarfile.REGTYPE else None
            link = member.linkname if member.issym() else ""
            owner = (member.uid, member.gid)
            found[name] = Entry(kind, member.mode & 0o7777, owner, link, content)
    return found


def write_layer(entries: Mapping[str, Entry], path: Path, epoch: int) -> Layer:
    """Write a layer, in which everything was last changed at `epoch`."""
    with tempfile.TemporaryFile() as plain:
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, entry in _with_folders(entries):
                archive.addfile(_info(name, entry, epoch), entry.content)
        plain.seek(0)
        return pack(plain, path)


def pack(plain: IO[bytes], path: Path) -> Layer:
    """Pack a layer, whose bytes stay as they are."""
    state = hashlib.sha256()
    with path.open("wb") as file, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
        while chunk := plain.read(_CHUNK):
            state.update(chunk)
            packed.write(chunk)
    return Layer(path, digest_of_file(path), f"sha256:{state.hexdigest()}", path.stat().st_size)


def digest_of_file(path: Path) -> str:
    """Return a file's digest, as images are named by it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _with_folders(entries: Mapping[str, Entry]) -> Iterable[tuple[str, Entry]]:
    """Return all entries in order, and every folder above one that does not stand there itself."""
    every = dict(entries)
    for name in entries:
        above = dirname(name)
        while above and above not in every:
            every[above] = Entry.folder()
            above = dirname(above)
    return sorted(every.items())


def _info(name: str, entry: Entry, epoch: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = entry.kind, entry.mode, entry.link
    info.uid, info.gid = entry.owner
    info.mtime = epoch
    if entry.content is not None:
        info.size = entry.content.seek(0, io.SEEK_END)
        entry.content.seek(0)
    return info
