"""A program with a fault behind four comparisons, fuzzed by Atheris: FAULT ROOM."""

import sys
from pathlib import Path

import atheris

from fuzz import guided
from fuzz.meter import Meter
from fuzz.target import Target


@atheris.instrument_func
def entry(data: bytes) -> None:
    if len(data) > 3 and data[0] == ord("F") and data[1] == ord("U") and data[2] == ord("Z"):
        if fault == "crash":
            raise KeyError
        if fault == "memory":
            # Written to, for only what was is resident.
            held.extend(b"\xff" * (1 << 20) for _ in range(guided.MEMORY_MB))
        while fault != "crash":
            pass


fault, room = sys.argv[1], Path(sys.argv[2])
held: list[bytes] = []
patience = 1 if fault == "hang" else 60
target = Target("planted", (), entry, (), lambda: [b"abcd"], seconds=patience)
with Meter(room / "meter") as meter:
    guided.fuzz(target, meter, room, inputs=5_000_000, seconds=300, seed=1)
