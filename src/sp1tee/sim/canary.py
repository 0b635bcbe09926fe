"""Look for a private input where it must not be.

The search knows the input raw, as hexadecimal text and as base64 text, whole and in pieces, and
reads every file below the folders it is given. Because a search that cannot find anything proves
nothing, it takes controls along: strings that are known to be there.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 8
BLOCK_BYTES = 1 << 20
BASE64_BYTES = 48


@dataclass(frozen=True, slots=True)
class Report:
    """What a search saw.

    Attributes:
        files: how many files were read.
        size: how many bytes.
        hits: places where a piece of the input stood; must be empty.
        missed_controls: controls that were not found; must be empty too.
    """

    files: int
    size: int
    hits: tuple[str, ...]
    missed_controls: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """No piece of the input was found, and the search itself works."""
        return not self.hits and not self.missed_controls


def needles(inputs: Iterable[bytes]) -> frozenset[bytes]:
    """Byte strings that would give an input away: 8-byte pieces raw, in hex, in base64.

    Pieces that carry no information (one byte value repeated) are left out: every disk has zeros.
    """
    found: set[bytes] = set()
    for data in inputs:
        for start in range(0, max(len(data) - PIECE_BYTES, 0) + 1, PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            if len(piece) == PIECE_BYTES and len(set(piece)) > PIECE_BYTES // 2:
                found |= {piece, piece.hex().encode(), piece.hex().upper().encode()}
        found |= {
            base64.b64encode(data[skip : skip + BASE64_BYTES])[:-4]
            for skip in range(3)
            if len(data) > BASE64_BYTES
        }
    return frozenset(found)


def search(
    folders: Sequence[Path], inputs: Iterable[bytes], *, controls: Sequence[bytes] = ()
) -> Report:
    """Read every file below `folders`."""
    wanted = needles(inputs)
    files = size = 0
    hits: list[str] = []
    missing = set(controls)
    for path in _files(folders):
        files += 1
        for block in _blocks(path):
            size += len(block)
            hits += [f"{path}" for needle in wanted if needle in block]
            missing -= {control for control in missing if control in block}
    return Report(files, size, tuple(sorted(set(hits))), tuple(sorted(c.hex() for c in missing)))


def found_in(answers: Iterable[tuple[str, bytes]], inputs: Iterable[bytes]) -> tuple[str, ...]:
    """Names of the answers (of a public port, say) in which a piece of an input stands."""
    wanted = needles(inputs)
    return tuple(name for name, body in answers if any(needle in body for needle in wanted))


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks that overlap, so that no needle hides at a border."""
    overlap = 64
    try:
        with path.open("rb") as file:
            tail = b""
            while block := file.read(BLOCK_BYTES):
                yield tail + block
                tail = block[-overlap:]
    except FileNotFoundError:
        return  # erased while we were looking: exactly what should happen to an input
