"""What somebody sees and can do who has the disk, or the bucket, of a vault."""

from abc import ABC, abstractmethod
from pathlib import Path

from obstore.store import S3Store

from sp1tee.store.file_shelf import FileShelf
from sp1tee.store.s3_parts import PART_SIZE, folder, part
from sp1tee.store.s3_shelf import BucketShelf
from sp1tee.store.sealing import HEADER
from support.s3_server import client_of
from support.stores import Room


class Outsider(ABC):
    @abstractmethod
    def ids(self) -> list[str]:
        """Every blob there is anything of, unfinished ones too."""

    @abstractmethod
    def read(self, blob_id: str) -> bytes | None:
        """A whole sealed file; None if there is none."""

    @abstractmethod
    def write(self, blob_id: str, sealed: bytes) -> None:
        """Put another sealed file in its place."""

    @abstractmethod
    def remove(self, blob_id: str) -> None:
        """Take a file away."""

    @abstractmethod
    def leave_half(self, blob_id: str) -> None:
        """Leave what a crash leaves of a blob that is being written."""

    @abstractmethod
    def everything(self) -> dict[str, bytes]:
        """All that there is, by name."""


class AtTheDisk(Outsider):
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def ids(self) -> list[str]:
        return sorted(path.name for path in self._directory.glob("*/*_*"))

    def read(self, blob_id: str) -> bytes | None:
        path = self._path(blob_id)
        return path.read_bytes() if path.exists() else None

    def write(self, blob_id: str, sealed: bytes) -> None:
        self._path(blob_id).write_bytes(sealed)

    def remove(self, blob_id: str) -> None:
        self._path(blob_id).unlink()

    def leave_half(self, blob_id: str) -> None:
        (self._directory / "incoming" / blob_id).write_bytes(b"half a file")

    def everything(self) -> dict[str, bytes]:
        files = [path for path in self._directory.parent.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files}

    def _path(self, blob_id: str) -> Path:
        return self._directory / blob_id[-2:] / blob_id


class AtTheBucket(Outsider):
    def __init__(self, store: S3Store) -> None:
        self.store = store

    def ids(self) -> list[str]:
        return sorted({name.split("/")[2] for name in self.names("blobs")})

    def names(self, under: str) -> list[str]:
        return sorted(meta["path"] for page in self.store.list(under) for meta in page)

    def read(self, blob_id: str) -> bytes | None:
        parts = [bytes(self.store.get(name).bytes()) for name in self.names(folder(blob_id))]
        return b"".join(parts) if parts else None

    def write(self, blob_id: str, sealed: bytes) -> None:
        self.remove(blob_id)
        first = len(HEADER) + PART_SIZE
        starts = [0, *range(first, len(sealed), PART_SIZE)]
        ends = [*starts[1:], len(sealed)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            self.store.put(part(blob_id, number), sealed[start:end])

    def remove(self, blob_id: str) -> None:
        if names := self.names(folder(blob_id)):
            self.store.delete(names)

    def leave_half(self, blob_id: str) -> None:
        self.store.put(part(blob_id, 0), b"half a file")

    def everything(self) -> dict[str, bytes]:
        names = [meta["path"] for page in self.store.list() for meta in page]
        return {name: bytes(self.store.get(name).bytes()) for name in names}


def outsider(room: Room) -> Outsider:
    shelf = room.store._ground.shelf
    if isinstance(shelf, FileShelf):
        return AtTheDisk(shelf.directory)
    assert isinstance(shelf, BucketShelf)
    return AtTheBucket(client_of(shelf.bucket))
