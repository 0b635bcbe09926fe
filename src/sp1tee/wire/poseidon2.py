"""Poseidon2 over the KoalaBear field, as SP1 v6 hashes its keys.

Width 16, x^3, four full rounds, twenty partial ones, four full ones
(https://eprint.iacr.org/2023/323). The round constants and the two linear layers are those of SP1
v6, slop/crates/koala-bear: the external layer is circ(2M, M, M, M) with the 4x4 matrix M below, the
internal one is the all-ones matrix plus a diagonal, over 2^32 (a Montgomery reduction there).
"""

from collections.abc import Iterable

PRIME = 0x7F000001
"""The order of the KoalaBear field, 2^31 - 2^24 + 1."""

_WIDTH = 16
_RATE = 8
_INVERSE_2_32 = pow(2, -32, PRIME)
_DIAGONAL = (-2, *(1 << shift for shift in (*range(14), 15)))


def _elements(digits: str) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in digits.split())


def _rounds(digits: str) -> tuple[tuple[int, ...], ...]:
    elements = _elements(digits)
    return tuple(elements[i : i + _WIDTH] for i in range(0, len(elements), _WIDTH))


_FULL_FIRST = _rounds("""
    7ee56a48 11367045 12e41941 7ebbc12b 1970b7d5 662b60e8 3e4990c6 679f91f5
    350813bb 00874ad4 28a0081a 18fa5872 5f25b071 5e5d5998 5e6fd3e7 5b2e2660
    6f1837bf 3fe6182b 1edd7ac5 57470d00 43d486d5 1982c70f 0ea53af9 61d6165b
    51639c00 2dec352c 2950e531 2d2cb947 08256cef 1a0109f6 1f51faf3 5cef1c62
    3d65e50e 33d91626 133d5a1e 0ff49b0d 38900cd1 2c22cc3f 28852bb2 06c65a02
    7b2cf7bc 68016e1a 15e16bc0 5248149a 6dd212a0 18d6830a 5001be82 64dac34e
    5902b287 426583a0 0c921632 3fe028a5 245f8e49 43bb297e 7873dbd9 3cc987df
    286bb4ce 640a8dcd 512a8e36 03a4cf55 481837a2 03d6da84 73726ac7 760e7fdf
""")
_PARTIAL = _elements("""
    54dfeb5d 7d40afd6 722cb316 106a4573 45a7ccdb 44061375 154077a5 45744faa
    4eb5e5ee 3794e83f 47c7093c 5694903c 69cb6299 373df84c 46a0df58 46b8758a
    3241ebcb 0b09d233 1af42357 1e66cec2
""")
_FULL_LAST = _rounds("""
    43e7dc24 259a5d61 27e85a3b 1b9133fa 343e5628 485cd4c2 16e269f5 165b60c6
    25f683d9 124f81f9 174331f9 77344dc5 5a821dba 5fc4177f 54153bf5 5e3f1194
    3bdbf191 088c84a3 68256c9b 3c90bbc6 6846166a 03f4238d 463335fb 5e3d3551
    6e59ae6f 32d06cc0 596293f3 6c87edb2 08fc60b5 34bcca80 24f007f3 62731c6f
    1e1db6c6 0ca409bb 585c1e78 56e94edc 16d22734 18e11467 7b2c3730 770075e4
    35d1b18c 22be3db5 4fb1fbb7 477cb3ed 7d5311c6 5b62ae7d 559c5fa8 77f15048
    3211570b 490fef6a 77ec311f 2247171b 4e0ac711 2edf69c9 3b5a8850 65809421
    5619b4aa 362019a7 6bf9d4ed 5b413dff 617e181e 5e7ab57b 33ad7833 3466c7ca
""")


def permute(state: list[int]) -> list[int]:
    """Permute 16 field elements."""
    state = _external(state)
    for constants in _FULL_FIRST:
        state = _full_round(state, constants)
    for constant in _PARTIAL:
        state = _partial_round(state, constant)
    for constants in _FULL_LAST:
        state = _full_round(state, constants)
    return state


def sponge(elements: Iterable[int]) -> tuple[int, ...]:
    """Hash field elements to eight, without padding.

    Eight at a time overwrite the front of the state. Inputs of different lengths may collide:
    hash only what has a fixed length.
    """
    state = [0] * _WIDTH
    chunk = list(elements)
    for start in range(0, len(chunk), _RATE):
        part = chunk[start : start + _RATE]
        state = permute(part + state[len(part) :])
    return tuple(state[:_RATE])


def _full_round(state: list[int], constants: tuple[int, ...]) -> list[int]:
    return _external([pow(x + c, 3, PRIME) for x, c in zip(state, constants, strict=True)])


def _partial_round(state: list[int], constant: int) -> list[int]:
    state[0] = pow(state[0] + constant, 3, PRIME)
    total = sum(state)
    return [(total + d * x) * _INVERSE_2_32 % PRIME for d, x in zip(_DIAGONAL, state, strict=True)]


def _external(state: list[int]) -> list[int]:
    """Multiply each four by M = circ(2, 3, 1, 1), then add each column's sum to its elements."""
    mixed: list[int] = []
    for i in range(0, _WIDTH, 4):
        a, b, c, d = state[i : i + 4]
        total = a + b + c + d
        mixed += (total + a + 2 * b, total + b + 2 * c, total + c + 2 * d, total + d + 2 * a)
    sums = [sum(mixed[column::4]) for column in range(4)]
    return [(x + sums[i % 4]) % PRIME for i, x in enumerate(mixed)]
