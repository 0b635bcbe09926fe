"""Choosing from many inputs the few, small ones that together reach as much as all do."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from fuzz import corpus
from fuzz.target import Target

MOST = 48
"""Inputs that are kept of a target."""

LONGEST = 4096
"""Bytes of one of them; what is longer can be made from seeds again."""

Places = frozenset[tuple[CodeType, int, int]]


def minimise(target: Target, found: Path, folder: Path) -> int:
    """Replace a target's kept inputs by the best of them and of those found; returns how many."""
    paths = [*corpus.kept(target, folder), *found.glob("*")]
    candidates = {path.read_bytes() for path in paths if path.stat().st_size <= LONGEST}
    chosen = _chosen(target, candidates)
    shutil.rmtree(folder / target.name, ignore_errors=True)
    for data in chosen:
        corpus.write(folder / target.name, data)
    return len(chosen)


def _chosen(target: Target, candidates: Iterable[bytes]) -> list[bytes]:
    """Take the smallest first, and only those that reach what none before did."""
    reached: set[tuple[CodeType, int, int]] = set()
    for seed in (b"", *target.seeds()):
        reached |= places(target, seed[: target.size])
    chosen: list[tuple[int, bytes]] = []
    for data in sorted(candidates, key=lambda data: (len(data), data)):
        fresh = places(target, data) - reached
        if fresh:
            reached |= fresh
            chosen.append((len(fresh), data))
    best = sorted(chosen, key=lambda pair: -pair[0])[:MOST]
    return [data for _, data in best]


def places(target: Target, data: bytes) -> Places:
    """Run an input and return the steps from line to line that it took within sp1tee."""
    seen: set[tuple[CodeType, int, int]] = set()

    def global_trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        if "/sp1tee/" not in frame.f_code.co_filename:
            return None
        last = 0

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal last
            if event == "line":
                seen.add((frame.f_code, last, frame.f_lineno))
                last = frame.f_lineno
            return local

        return local

    before = sys.gettrace()
    sys.settrace(global_trace)
    try:
        target.try_one(data)
    finally:
        sys.settrace(before)
    return frozenset(seen)
