"""Reading a finished sealed file, from a disk."""

import os
from io import FileIO
from pathlib import Path
from typing import final

from typing_extensions import override

from sp1tee.store.sealing import HEADER, Layout, Piece, Sealer
from sp1tee.store.shelf import SealedFile


@final
class BlobFile(SealedFile):
    """A sealed file. Blocks; raises OSError where the disk refuses."""

    def __init__(self, path: Path, sealer: Sealer, layout: Layout) -> None:
        self._path = path
        self._sealer = sealer
        self._layout = layout
        self._file: FileIO | None = None

    @override
    def open(self) -> None:
        self._file = FileIO(self._path)
        size = os.fstat(self._file.fileno()).st_size
        if size != self._layout.file_size or self._read(len(HEADER), 0) != HEADER:
            raise self._sealer.damaged()

    @override
    def read(self, piece: Piece) -> bytes:
        sealed = self._read(piece.sealed_size, piece.position)
        return self._sealer.open(piece.index, sealed, last=piece.last)[piece.wanted]

    @override
    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, size: int, position: int) -> bytes:
        assert self._file is not None
        return os.pread(self._file.fileno(), size, position)
