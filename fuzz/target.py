"""What is fuzzed: a function of bytes, and how it may refuse them."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fuzz.mutation import mutated

LONGEST_REFUSAL = 2_000
"""Characters of an error's message: more of them repeat what was sent."""

Entry = Callable[[bytes], object]
Seeds = Callable[[], Iterable[bytes]]
Mutate = Callable[[Sequence[bytes], random.Random, int], bytes]


class TalkativeError(AssertionError):
    """A refusal is as long as its sender likes."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    Attributes:
        name: as the command line and the corpus know it, e.g. ``wire.proof``.
        covers: the modules of sp1tee whose reading of untrusted bytes it exercises.
        entry: takes an input, returns anything or raises.
        refusals: what it may raise.
        seeds: inputs to begin with, well-formed ones above all.
        size: the longest input that is tried, in bytes.
        seconds: how long one input may take.
        blind: whether watching which lines run tells nothing, because they run elsewhere.
        weight: how much longer than others it may take in all.
        mutate: makes an input out of others where nothing is watched.
    """

    name: str
    covers: tuple[str, ...]
    entry: Entry
    refusals: tuple[type[Exception], ...]
    seeds: Seeds = field(default=tuple)
    size: int = 4096
    seconds: int = 5
    blind: bool = False
    weight: int = 1
    mutate: Mutate = mutated

    def try_one(self, data: bytes) -> bool:
        """Give it an input; returns whether it was taken, raises what is a finding."""
        try:
            self.entry(data)
        except self.refusals as refusal:
            if len(str(refusal)) > LONGEST_REFUSAL:
                raise TalkativeError(type(refusal).__name__) from None
            return False
        return True


def chosen(data: bytes, ways: int) -> tuple[int, bytes]:
    """Split an input into the number of a way, its first byte, and what goes that way."""
    return (data[0] % ways, data[1:]) if data else (0, b"")


def each_way(ways: int, seeds: Iterable[bytes]) -> list[bytes]:
    """Write seeds for every way that `chosen` distinguishes."""
    return [bytes([way]) + seed for seed in seeds for way in range(ways)]


def text_of(data: bytes) -> str:
    """Make a text of any bytes, lone surrogates too, which JSON and arguments can hold."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
