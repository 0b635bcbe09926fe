"""Sealed files on a disk.

``blobs/<last two letters of the id>/<id>``; ``blobs/incoming/<id>`` while one is being written.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, final

from typing_extensions import override

from sp1tee.store.blob_file import BlobFile
from sp1tee.store.disk import PRIVATE_DIRECTORY, write_new
from sp1tee.store.draft import FileDraft
from sp1tee.store.sealing import Layout, Sealer
from sp1tee.store.shelf import Draft, SealedFile, Shelf

_INCOMING: Final = "incoming"
_NAME: Final = "vault-id"
_SHARD: Final = 2
_PROBE_SIZE: Final = 4096
_PATIENCE_S: Final = 3_600.0
"""For another server that is writing a blob, or has not yet recorded its key."""


@final
class FileShelf(Shelf):
    """`Shelf` in a directory, of one process or shared with other servers."""

    threads = 4
    ahead = 1
    patience_s: float

    def __init__(self, directory: Path, *, shared: bool = False) -> None:
        self.directory = directory
        self.patience_s = _PATIENCE_S if shared else 0.0

    @override
    def __str__(self) -> str:
        return str(self.directory)

    @override
    def name(self) -> bytes | None:
        file = self.directory / _NAME
        return file.read_bytes() if file.exists() else None

    @override
    def give_name(self, name: bytes) -> None:
        # Another server that shares the directory may come first: with the same name.
        with suppress(FileExistsError):
            write_new(self.directory / _NAME, name)

    @override
    def make(self) -> None:
        for directory in (self.directory, self.directory / _INCOMING):
            directory.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)

    @override
    def draft(self, blob_id: str, sealer: Sealer) -> Draft:
        return FileDraft(self._incoming(blob_id), self._path(blob_id), sealer)

    @override
    def sealed(self, blob_id: str, sealer: Sealer, layout: Layout) -> SealedFile:
        return BlobFile(self._path(blob_id), sealer, layout)

    @override
    def remove(self, blob_ids: Iterable[str]) -> None:
        for blob_id in blob_ids:
            with suppress(OSError):
                self._path(blob_id).unlink(missing_ok=True)
                self._incoming(blob_id).unlink(missing_ok=True)

    @override
    def shards(self) -> Collection[str]:
        names = _names(self.directory)
        return [name for name in names if name == _INCOMING or len(name) == _SHARD]

    @override
    def names(self, shard: str) -> Mapping[str, int]:
        found = {}
        for entry in os.scandir(self.directory / shard):
            with suppress(FileNotFoundError):
                found[entry.name] = entry.stat().st_size
        return found

    @override
    def probe(self) -> None:
        with TemporaryFile(dir=self.directory / _INCOMING, buffering=0) as file:
            file.write(bytes(_PROBE_SIZE))
            os.fsync(file.fileno())

    @override
    def close(self) -> None:
        pass

    def _path(self, blob_id: str) -> Path:
        return self.directory / blob_id[-_SHARD:] / blob_id

    def _incoming(self, blob_id: str) -> Path:
        return self.directory / _INCOMING / blob_id


def _names(directory: Path) -> list[str]:
    return [entry.name for entry in os.scandir(directory)]
