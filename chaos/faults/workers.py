"""Workers that break the rules: twice, too late, silent, with somebody else's words."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from chaos.faults.kind import Kind
from chaos.lab import Lab, NeverHappened, until
from chaos.rogue import Rogue, Work

_WAIT_S: Final = 2.0
_LONGEST_S: Final = 60.0
"""All that is asked for may wait behind a prover that hangs, and then nothing new comes."""


def _finished_twice(lab: Lab, rng: random.Random) -> str:
    """Two workers hand in the same lease at the same time, and once more."""
    with lab.rogue() as one, lab.rogue() as two:
        work = _lease(one)
        one.put(work)
        with ThreadPoolExecutor(2) as pool:
            said = sorted(pool.map(lambda who: who.finish(work.finish()), (one, two)))
        if rng.random() < 0.5:
            said.append(f"put again {two.put(work)}")
        said.append(two.finish(work.finish()))
    return f"finish: {', '.join(map(str, said))}"


def _finished_late(lab: Lab, _: random.Random) -> str:
    """Hold a lease in silence until it is lost; hand in then."""
    with lab.rogue() as rogue:
        work = _lease(rogue)
        until(lambda: not _held(lab, work), "the silent worker's lease ended")
        put = rogue.put(work)
        return f"put {put}, finish {rogue.finish(work.finish())}"


def _silent(lab: Lab, _: random.Random) -> str:
    """Lease, and never say a word again."""
    with lab.rogue() as rogue:
        work = _lease(rogue)
        until(lambda: not _held(lab, work), "the silent worker's lease ended")
    return "a lease was lost"


def _forged(lab: Lab, rng: random.Random) -> str:
    """Hand in another proof than was announced, under another token, or none."""
    with lab.rogue() as rogue:
        work = _lease(rogue)
        said = [rogue.finish(work.finish()), rogue.put(work, rng.randbytes(300))]
        rogue.put(work)
        said.append(rogue.finish(work.finish(digest=rng.randbytes(32))))
        said.append(rogue.finish(work.finish(token=rng.randbytes(32))))
        if "OK" in said:
            raise NeverHappened(f"forgeries were refused: {said}")
        said.append(rogue.finish(work.finish()))
    return f"forgeries: {', '.join(map(str, said))}"


def _lease(rogue: Rogue) -> Work:
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        if (work := rogue.lease(_WAIT_S)) is not None:
            return work
    raise NeverHappened("a rogue worker got a request")


def _held(lab: Lab, work: Work) -> bool:
    with lab.rogue() as other:
        return other.reads(work)


KINDS: Final = (
    Kind("finished-twice", _finished_twice),
    Kind("finished-late", _finished_late),
    Kind("worker-silent", _silent),
    Kind("hand-in-forged", _forged),
)
