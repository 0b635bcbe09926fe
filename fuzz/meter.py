"""What a process has got done, readable from outside also after it died."""

import mmap
import struct
from pathlib import Path
from typing import Self

_LAYOUT = struct.Struct("<QQd")


class Meter:
    """Counts inputs in a file that two processes map."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _LAYOUT.size)
        self.inputs, self.taken, self.slowest = _LAYOUT.unpack(self._map)

    def count(self, *, taken: bool, seconds: float) -> None:
        """Note one input."""
        self.inputs += 1
        self.taken += taken
        self.slowest = max(self.slowest, seconds)
        _LAYOUT.pack_into(self._map, 0, self.inputs, self.taken, self.slowest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
