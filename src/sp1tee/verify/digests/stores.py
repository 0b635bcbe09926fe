"""Where a built image lies: a folder, or a tar file that is read in place."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from sp1tee.errors import EvidenceFileError, EvidenceMalformed, EvidenceMissing, EvidenceTooLarge

MEMBERS: Final = 20_000
"""How many files a tar file may hold: an image has a few for each layer."""
# What the tarfile module lets out of damaged headers.
_BROKEN: Final = (tarfile.TarError, OSError, ValueError, EOFError, OverflowError, RecursionError)


class Store(Protocol):
    """Files with names."""

    def has(self, name: str) -> bool:
        """Tell whether there is a file."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file; raises `EvidenceMissing`."""


def read_stored(store: Store, name: str, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; raises `EvidenceTooLarge` and `EvidenceMissing`."""
    try:
        with store.open(name) as file:
            data = file.read(limit + 1)
    except _BROKEN:
        raise EvidenceMalformed(f"The built image's {name[:80]} cannot be read.") from None
    if len(data) > limit:
        raise EvidenceTooLarge(f"The built image's {name[:80]} has more than {limit} bytes.")
    return data


class Folder:
    """A folder; names come from this package, never from what is in the folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def has(self, name: str) -> bool:
        """Tell whether there is a file."""
        return (self._path / name).is_file()

    def open(self, name: str) -> IO[bytes]:
        """Open a file."""
        try:
            return (self._path / name).open("rb")
        except OSError:
            raise _missing(name) from None


class Archive:
    """A tar file; nothing is unpacked."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._members: dict[str, tarfile.TarInfo] = {}
        while (member := tar.next()) is not None:
            self._members[member.name.removeprefix("./")] = member
            if len(self._members) > MEMBERS:
                raise EvidenceTooLarge(f"The archive holds more than {MEMBERS} files.")

    def has(self, name: str) -> bool:
        """Tell whether there is a file."""
        return name in self._members

    def open(self, name: str) -> IO[bytes]:
        """Open a file; a link is followed once, as old engines write a layer that occurs twice."""
        member = self._members.get(name)
        if member is not None and member.issym():
            member = self._members.get(_beside(name, member.linkname))
        file = self._tar.extractfile(member) if member is not None and member.isreg() else None
        if file is None:
            raise _missing(name)
        return file


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a tar file.

    Raises:
        EvidenceFileError: it cannot be opened.
        EvidenceMalformed: it is no tar file, or compressed.
    """
    with _opened(path) as file:
        try:
            archive = Archive(tarfile.TarFile(fileobj=file))
        except _BROKEN:
            raise EvidenceMalformed(
                f"{path} is no tar file.", advice="If it is compressed, unpack it to a plain tar."
            ) from None
        yield archive


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be read: {error.strerror}.") from None


def _beside(name: str, link: str) -> str:
    """Resolve a link relative to the file that it is."""
    parts = name.split("/")[:-1]
    for part in link.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return "/".join(parts)


def _missing(name: str) -> EvidenceMissing:
    return EvidenceMissing(f"The built image has no {name[:80]}.")
