"""A sealed file in the making, on a disk."""

import os
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final, final

from typing_extensions import override

from sp1tee.store.disk import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    start_writing_back,
    sync_directory,
)
from sp1tee.store.sealing import HEADER, TAG_SIZE, Buffer, Sealer
from sp1tee.store.shelf import Draft

_CHUNKS_AHEAD: Final = 8


@final
class FileDraft(Draft):
    """Seals chunk after chunk into a new file. Blocks; raises OSError where the disk refuses."""

    def __init__(self, path: Path, target: Path, sealer: Sealer) -> None:
        """Write to `path`, and move the whole file to `target`."""
        self._path = path
        self._target = target
        self._sealer = sealer
        self._chunks = 0
        self._file: FileIO | None = None
        # Used again for each chunk: a fresh MiB costs more than sealing one.
        self._room = bytearray()

    @override
    def append(self, plain: Buffer, *, last: bool) -> None:
        if self._file is None:
            self._file = FileIO(self._path, "xb", opener=partial(os.open, mode=PRIVATE_FILE))
            _write(self._file, HEADER)
        if len(self._room) < len(plain) + TAG_SIZE:
            self._room = bytearray(len(plain) + TAG_SIZE)
        _write(self._file, self._sealer.seal(self._chunks, plain, self._room, last=last))
        self._chunks += 1
        if self._chunks % _CHUNKS_AHEAD == 0:
            # The disk works while more arrives, and `publish` waits for little.
            start_writing_back(self._file.fileno())

    @override
    def publish(self) -> None:
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        shard = self._target.parent
        if not shard.is_dir():
            shard.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
            sync_directory(shard.parent)
        self._path.rename(self._target)
        sync_directory(shard)

    @override
    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _write(file: FileIO, content: Buffer) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
