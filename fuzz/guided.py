"""Atheris: mutations that reach new lines are kept and mutated further."""

import sys
import time
from importlib.util import find_spec
from pathlib import Path

from fuzz import corpus
from fuzz.meter import Meter
from fuzz.target import Target

MEMORY_MB = 1024
"""Resident memory, the interpreter and its libraries included."""


def available() -> bool:
    """Tell whether Atheris is installed, which has no wheels for every Python."""
    return find_spec("atheris") is not None


def watch_sp1tee() -> None:
    """Have every module of sp1tee that is imported from now on tell which lines it runs."""
    import atheris  # noqa: PLC0415 - an extra

    atheris.instrument_imports(include=["sp1tee"]).__enter__()


def fuzz(target: Target, meter: Meter, room: Path, *, inputs: int, seconds: int, seed: int) -> None:
    """Feed a target until it has had enough, and end this process: 0, or 77 with a finding.

    What is found lies in ``room/found``, inputs that reached new lines in ``room/corpus``.
    """
    import atheris  # noqa: PLC0415 - an extra

    folder = room / "corpus"
    for data in corpus.inputs(target):
        corpus.write(folder, data)
    # Where libFuzzer itself writes what takes too long or too much memory.
    (room / "found").mkdir()
    clock = time.perf_counter

    def one(data: bytes) -> None:
        began = clock()
        with corpus.kept_if_blamed(data, room):
            taken = target.try_one(data)
        meter.count(taken=taken, seconds=clock() - began)

    flags = {
        "runs": inputs,
        "max_total_time": seconds,
        "max_len": target.size,
        "len_control": 0,
        "timeout": target.seconds,
        "rss_limit_mb": MEMORY_MB,
        "seed": seed,
        "artifact_prefix": f"{room}/found/",
    }
    written = [f"-{name}={value}" for name, value in flags.items()]
    atheris.Setup([sys.argv[0], *written, str(folder)], one)
    atheris.Fuzz()
