"""Mutations without looking, from a seed: for where Atheris is not, and for tests."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fuzz import corpus
from fuzz.meter import Meter
from fuzz.target import Target


class TooSlow(BaseException):
    """An input takes longer than its target allows."""


def fuzz(target: Target, meter: Meter, room: Path, *, inputs: int, seconds: int, seed: int) -> None:
    """Feed a target until it has had enough; raises its finding, whose input is kept.

    What is found lies in ``room/found``.
    """
    begin = corpus.inputs(target)
    chance = random.Random(f"{seed} {target.name}")  # noqa: S311 - choices that can be repeated
    end = time.monotonic() + seconds
    for number in range(inputs):
        if time.monotonic() > end:
            break
        fresh = number >= len(begin)
        data = target.mutate(begin, chance, target.size) if fresh else begin[number]
        began = time.perf_counter()
        with corpus.kept_if_blamed(data, room), _at_most(target.seconds):
            taken = target.try_one(data)
        meter.count(taken=taken, seconds=time.perf_counter() - began)


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _too_slow(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TooSlow
