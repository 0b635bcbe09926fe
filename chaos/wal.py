"""What a crash may leave of SQLite's files, made on purpose.

A commit is a frame in the write-ahead log that says so, on disk before anybody is told. Whatever
stands behind the last such frame was being written when the crash came, and so was any page of the
database that a committed frame of this log holds: copying it there had begun. Both may be torn in
any way; nothing that was told to anybody may be lost. (https://www.sqlite.org/walformat.html)
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HEADER_SIZE: Final = 32
FRAME_HEADER_SIZE: Final = 24

_BIG_ENDIAN_SUMS: Final = 0x377F0683
_LITTLE_ENDIAN_SUMS: Final = 0x377F0682
_MASK: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """A valid frame: which page it holds, and how many pages the database has after it.

    Attributes:
        page: counted from 1.
        size: 0 unless the frame ends a commit.
        end: where the next frame begins in the file.
    """

    page: int
    size: int
    end: int


@dataclass(frozen=True, slots=True)
class Log:
    """A write-ahead log as recovery reads it.

    Attributes:
        page_size: in bytes.
        header: its first 32 bytes.
        frames: the committed ones.
    """

    page_size: int
    header: bytes
    frames: tuple[Frame, ...]

    @property
    def committed(self) -> int:
        """Where the last commit ends in the file."""
        return self.frames[-1].end if self.frames else HEADER_SIZE


def read_log(data: bytes) -> Log | None:
    """Read a log up to its last commit; None if it is empty or has no valid header."""
    if len(data) < HEADER_SIZE:
        return None
    magic, _, page_size, _, _, _, *sums = struct.unpack_from(">8I", data)
    if magic not in (_BIG_ENDIAN_SUMS, _LITTLE_ENDIAN_SUMS):
        return None
    order = ">" if magic == _BIG_ENDIAN_SUMS else "<"
    if _sums(order, data[: HEADER_SIZE - 8], (0, 0)) != tuple(sums):
        return None
    valid = list(_frames(data, page_size, order))
    ends = [index for index, frame in enumerate(valid) if frame.size]
    return Log(page_size, data[:HEADER_SIZE], tuple(valid[: ends[-1] + 1] if ends else ()))


def tear_tail(wal: Path, rng: random.Random) -> str:
    """Leave behind the last commit what a crash may leave there; says what."""
    data = wal.read_bytes()
    log = read_log(data)
    if log is None:
        wal.write_bytes(rng.randbytes(rng.randrange(1, HEADER_SIZE)))
        return "half a header"
    kind = rng.choice(("half a frame", "a frame of noise", "noise", "nothing"))
    page = rng.randrange(1, 64)
    salts = log.header[16:24]
    head = struct.pack(">2I", page, rng.choice((0, page))) + salts + rng.randbytes(8)
    frame = head + rng.randbytes(log.page_size)
    tail = {
        "half a frame": frame[: rng.randrange(1, len(frame))],
        "a frame of noise": frame + frame,
        "noise": rng.randbytes(rng.randrange(1, 3 * log.page_size)),
        "nothing": b"",
    }[kind]
    wal.write_bytes(data[: log.committed] + tail)
    return f"{kind} behind {len(log.frames)} frames"


def tear_page(database: Path, wal: Path, rng: random.Random) -> str:
    """Tear a page of the database that the log holds whole; says which."""
    log = read_log(wal.read_bytes())
    size = database.stat().st_size
    held = sorted({frame.page for frame in log.frames}) if log else []
    pages = [page for page in held if log and page * log.page_size <= size]
    if log is None or not pages:
        return "no page to tear"
    page = pages[-1] if rng.random() < 0.5 else rng.choice(pages)  # the last one, or any
    with database.open("r+b") as file:
        file.seek((page - 1) * log.page_size + rng.randrange(log.page_size // 2))
        file.write(rng.randbytes(log.page_size // 2))
    return f"page {page} of {size // log.page_size}"


def _frames(data: bytes, page_size: int, order: str) -> Iterator[Frame]:
    sums = struct.unpack_from(">2I", data, HEADER_SIZE - 8)
    salts = data[16:24]
    start, size = HEADER_SIZE, FRAME_HEADER_SIZE + page_size
    while start + size <= len(data):
        page, pages = struct.unpack_from(">2I", data, start)
        sums = _sums(order, data[start : start + 8], sums)
        content = data[start + FRAME_HEADER_SIZE : start + size]
        sums = _sums(order, content, sums)
        if data[start + 8 : start + 16] != salts or _told(data, start) != sums:
            return
        start += size
        yield Frame(page, pages, start)


def _told(data: bytes, start: int) -> tuple[int, int]:
    first, second = struct.unpack_from(">2I", data, start + 16)
    return first, second


def _sums(order: str, data: bytes, start: tuple[int, ...]) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
