"""The Keccak-f[1600] permutation (FIPS 202, 3.2 to 3.4), which SP1 has as a precompile."""

from collections.abc import Sequence
from typing import Final

_MASK: Final = (1 << 64) - 1
_SIDE: Final = 5

# fmt: off
_ROUND_CONSTANTS: Final = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
    0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)
_OFFSETS: Final = (  # of rho, lane by lane
    0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
)
# fmt: on


def permute(lanes: Sequence[int]) -> list[int]:
    """Permute a state of 25 lanes of 64 bits; lane 5y + x is A[x, y]."""
    state = list(lanes)
    for constant in _ROUND_CONSTANTS:
        state = _chi(_rho_and_pi(_theta(state)))
        state[0] ^= constant
    return state


def _theta(state: list[int]) -> list[int]:
    columns = [
        state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
        for x in range(_SIDE)
    ]
    change = [columns[x - 1] ^ _rotate(columns[(x + 1) % _SIDE], 1) for x in range(_SIDE)]
    return [lane ^ change[place % _SIDE] for place, lane in enumerate(state)]


def _rho_and_pi(state: list[int]) -> list[int]:
    moved = [0] * len(state)
    for place, lane in enumerate(state):
        y, x = divmod(place, _SIDE)
        moved[_SIDE * ((2 * x + 3 * y) % _SIDE) + y] = _rotate(lane, _OFFSETS[place])
    return moved


def _chi(state: list[int]) -> list[int]:
    return [
        state[row + x] ^ (~state[row + (x + 1) % _SIDE] & state[row + (x + 2) % _SIDE])
        for row in range(0, len(state), _SIDE)
        for x in range(_SIDE)
    ]


def _rotate(lane: int, count: int) -> int:
    return (lane << count | lane >> 64 - count) & _MASK
