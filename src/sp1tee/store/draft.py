"""A sealed file in the making."""

import os
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final, final

from sp1tee.store.disk import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    start_writing_back,
    sync_directory,
)
from sp1tee.store.sealing import HEADER, TAG_SIZE, Buffer, Sealer

_CHUNKS_AHEAD: Final = 8


@final
class Draft:
    """Seals chunk after chunk into a new file. Blocks; raises OSError where the disk refuses."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        self._path = path
        self._sealer = sealer
        self._chunks = 0
        self._file: FileIO | None = None
        # Used again for each chunk: a fresh MiB costs more than sealing one.
        self._room = bytearray()

    def append(self, plain: Buffer, *, last: bool) -> None:
        """Seal the next chunk."""
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

    def publish(self, target: Path) -> None:
        """Put the file on disk, then give it its name."""
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        if not target.parent.is_dir():
            target.parent.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
            sync_directory(target.parent.parent)
        self._path.rename(target)
        sync_directory(target.parent)

    def discard(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _write(file: FileIO, content: Buffer) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
