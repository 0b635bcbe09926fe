"""Changing inputs without knowing what they mean, for where no coverage can be seen."""

import random
from collections.abc import Callable, Sequence

_EDGES = (b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff" * 8)
_LONGEST_REPEAT = 256
_MOST_CHANGES = 6

Change = Callable[[bytes, random.Random], bytes]


def mutated(corpus: Sequence[bytes], chance: random.Random, size: int) -> bytes:
    """Make an input of at most `size` bytes out of those in a corpus."""
    data = chance.choice(corpus) if corpus else b""
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        change = chance.choice(_CHANGES)
        data = change(data, chance)
    if corpus and chance.random() < 1 / 8:
        data = _spliced(data, chance.choice(corpus), chance)
    return data[:size]


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randint(0, len(data))


def _flip(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _edge(data: bytes, chance: random.Random) -> bytes:
    at, edge = _place(data, chance), chance.choice(_EDGES)
    return data[:at] + edge + data[at + len(edge) :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + chance.randbytes(chance.randint(1, 8)) + data[at:]


def _erase(data: bytes, chance: random.Random) -> bytes:
    at = _place(data, chance)
    return data[:at] + data[at + chance.randint(1, 1 + len(data) // 4) :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    at = _place(data, chance)
    piece = data[at : at + chance.randint(1, 16)]
    return data[:at] + piece * chance.randint(1, _LONGEST_REPEAT) + data[at:]


def _move(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    piece = data[start : start + chance.randint(1, 32)]
    rest = data[:start] + data[start + len(piece) :]
    at = _place(rest, chance)
    return rest[:at] + piece + rest[at:]


def _spliced(data: bytes, other: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)] + other[_place(other, chance) :]


_CHANGES: tuple[Change, ...] = (_flip, _edge, _insert, _erase, _cut, _repeat, _move)
