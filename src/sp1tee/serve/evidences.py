"""GET /evidences/…: the files by which anybody can check what this server is.

The ingress writes them into a shared directory. Its own server for them speaks HTTP/1.1 only, so
requests over HTTP/2 arrive here.
"""

import asyncio
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO, Final

from sp1tee.errors import NoSuchPath
from sp1tee.serve.http import Exchange

ROUTE: Final = "/evidences/{path...}"

_NAME: Final = re.compile(r"[A-Za-z0-9_*-][A-Za-z0-9._*-]{0,254}")
_DEPTH: Final = 4
_LARGEST: Final = 16 << 20
_PIECE: Final = 64 * 1024
_OK: Final = 200
_TYPES: Final = {
    ".json": b"application/json",
    ".pem": b"application/x-pem-file",
    ".txt": b"text/plain; charset=utf-8",
}
_OPAQUE: Final = b"application/octet-stream"


class Evidences:
    """Serves the regular files under a directory, and nothing that links lead to."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def get(self, exchange: Exchange) -> None:
        """Answer GET and HEAD."""
        names = exchange.parameters["path"].split("/")
        if len(names) > _DEPTH or not all(map(_NAME.fullmatch, names)):
            raise _nothing()
        file, size = await asyncio.to_thread(self._open, names)
        with file:
            kind = _TYPES.get(Path(names[-1]).suffix, _OPAQUE)
            await _send(exchange, file, size, kind)

    def _open(self, names: list[str]) -> tuple[BinaryIO, int]:
        """Open a file without following any link below the directory.

        Raises:
            NoSuchPath: there is none, it is no regular file, or too large to be evidence.
        """
        try:
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            for name in names[:-1]:
                descriptor = _step(descriptor, name, os.O_DIRECTORY)
            # A pipe that nobody writes to would block for ever.
            descriptor = _step(descriptor, names[-1], os.O_NONBLOCK)
        except OSError:
            raise _nothing() from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            os.close(descriptor)
            raise _nothing()
        return os.fdopen(descriptor, "rb"), found.st_size


def _step(directory: int, name: str, flags: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=directory)
    finally:
        os.close(directory)


async def _send(exchange: Exchange, file: BinaryIO, size: int, kind: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", b"%d" % size),
        (b"cache-control", b"no-cache"),
    ]
    await exchange.begin(_OK, headers)
    left = 0 if exchange.method == "HEAD" else size
    while left and (piece := await asyncio.to_thread(file.read, min(left, _PIECE))):
        left -= len(piece)
        await exchange.write(piece)
    if left:
        raise NoSuchPath("The file became shorter while it was sent.")
    await exchange.write(b"", more=False)


def _nothing() -> NoSuchPath:
    return NoSuchPath(
        "There is no such evidence.", advice="GET /evidences/quote.json, for example."
    )
