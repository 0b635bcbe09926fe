"""Two texts that should be the same: where they differ, so that a person sees it at once."""

import difflib
import hashlib
from dataclasses import dataclass
from typing import Final

LINES: Final = 60
"""How many lines of a comparison are shown."""

WIDTH: Final = 160
"""How many characters of a line are shown."""

COMPARED: Final = 2_000
"""Up to how many lines texts are aligned; aligning takes time with the square of them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells two texts apart.

    Attributes:
        summary: in one sentence.
        line: the first line of the first text that is not in the second as it is, from 1.
        lines: a unified diff, capped.
    """

    summary: str
    line: int
    lines: tuple[str, ...]


def compare(published: bytes, inside: bytes) -> Difference | None:
    """Compare a published file with what runs; None if they are the same byte for byte."""
    if published == inside:
        return None
    ours, theirs = _lines(published), _lines(inside)
    line = _first_difference(ours, theirs)
    trifle = _trifle(published, inside)
    if trifle is not None:
        return Difference(trifle, line, _digests(published, inside))
    return Difference(f"The two differ from line {line} on.", line, (*_diff(ours, theirs),))


def _trifle(published: bytes, inside: bytes) -> str | None:
    """Name what can hardly be seen."""
    unix = published.replace(b"\r\n", b"\n"), inside.replace(b"\r\n", b"\n")
    if unix[0].rstrip(b"\n") != unix[1].rstrip(b"\n"):
        return None
    if unix[0] == unix[1]:
        return "Only the line endings differ: one has CR LF where the other has LF."
    counts = [len(text) - len(text.rstrip(b"\n")) for text in unix]
    return (
        "Only the end differs: the published file ends with "
        f"{counts[0]} line breaks, what runs with {counts[1]}."
    )


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "backslashreplace")
    return [line.removesuffix("\r") for line in text.split("\n")]


def _first_difference(ours: list[str], theirs: list[str]) -> int:
    same = 0
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            break
        same += 1
    return min(same, len(ours) - 1) + 1


def _diff(ours: list[str], theirs: list[str]) -> tuple[str, ...]:
    if max(len(ours), len(theirs)) > COMPARED:
        return (f"They have {len(ours)} and {len(theirs)} lines, too many to show side by side.",)
    found = difflib.unified_diff(ours, theirs, "published", "what runs", n=2, lineterm="")
    shown = [_shown(line) for _, line in zip(range(LINES + 1), found, strict=False)]
    return (*shown[:LINES], *(("… and more",) if len(shown) > LINES else ()))


def _shown(line: str) -> str:
    plain = "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line[:WIDTH])
    return plain + ("…" if len(line) > WIDTH else "")


def _digests(published: bytes, inside: bytes) -> tuple[str, ...]:
    return tuple(
        f"{name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"
        for name, data in (("published", published), ("what runs", inside))
    )
