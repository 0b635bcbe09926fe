"""Garbage is looked for seldom, and found all the same."""

import subprocess
import sys

SCRIPT = """
import gc, weakref
from sp1tee.serve.memory import collect_seldom

class Knot:
    def __init__(self):
        self.self = self

collect_seldom()
assert gc.get_freeze_count() > 10_000
begun = gc.get_stats()[0]["collections"]
for _ in range(5_000):
    []
knots = [weakref.ref(Knot()) for _ in range(50_000)]
assert gc.get_stats()[0]["collections"] - begun <= 10
gone = sum(knot() is None for knot in knots)
assert gone >= 20_000, gone
"""


def test_what_is_there_already_is_left_alone_and_garbage_does_not_pile_up() -> None:
    # In a process of its own: it is for all of one.
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
