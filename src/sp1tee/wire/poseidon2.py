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

_FULL_FIRST = (
    (
        0x7EE56A48,
        0x11367045,
        0x12E41941,
        0x7EBBC12B,
        0x1970B7D5,
        0x662B60E8,
        0x3E4990C6,
        0x679F91F5,
        0x350813BB,
        0x00874AD4,
        0x28A0081A,
        0x18FA5872,
        0x5F25B071,
        0x5E5D5998,
        0x5E6FD3E7,
        0x5B2E2660,
    ),
    (
        0x6F1837BF,
        0x3FE6182B,
        0x1EDD7AC5,
        0x57470D00,
        0x43D486D5,
        0x1982C70F,
        0x0EA53AF9,
        0x61D6165B,
        0x51639C00,
        0x2DEC352C,
        0x2950E531,
        0x2D2CB947,
        0x08256CEF,
        0x1A0109F6,
        0x1F51FAF3,
        0x5CEF1C62,
    ),
    (
        0x3D65E50E,
        0x33D91626,
        0x133D5A1E,
        0x0FF49B0D,
        0x38900CD1,
        0x2C22CC3F,
        0x28852BB2,
        0x06C65A02,
        0x7B2CF7BC,
        0x68016E1A,
        0x15E16BC0,
        0x5248149A,
        0x6DD212A0,
        0x18D6830A,
        0x5001BE82,
        0x64DAC34E,
    ),
    (
        0x5902B287,
        0x426583A0,
        0x0C921632,
        0x3FE028A5,
        0x245F8E49,
        0x43BB297E,
        0x7873DBD9,
        0x3CC987DF,
        0x286BB4CE,
        0x640A8DCD,
        0x512A8E36,
        0x03A4CF55,
        0x481837A2,
        0x03D6DA84,
        0x73726AC7,
        0x760E7FDF,
    ),
)
_PARTIAL = (
    0x54DFEB5D,
    0x7D40AFD6,
    0x722CB316,
    0x106A4573,
    0x45A7CCDB,
    0x44061375,
    0x154077A5,
    0x45744FAA,
    0x4EB5E5EE,
    0x3794E83F,
    0x47C7093C,
    0x5694903C,
    0x69CB6299,
    0x373DF84C,
    0x46A0DF58,
    0x46B8758A,
    0x3241EBCB,
    0x0B09D233,
    0x1AF42357,
    0x1E66CEC2,
)
_FULL_LAST = (
    (
        0x43E7DC24,
        0x259A5D61,
        0x27E85A3B,
        0x1B9133FA,
        0x343E5628,
        0x485CD4C2,
        0x16E269F5,
        0x165B60C6,
        0x25F683D9,
        0x124F81F9,
        0x174331F9,
        0x77344DC5,
        0x5A821DBA,
        0x5FC4177F,
        0x54153BF5,
        0x5E3F1194,
    ),
    (
        0x3BDBF191,
        0x088C84A3,
        0x68256C9B,
        0x3C90BBC6,
        0x6846166A,
        0x03F4238D,
        0x463335FB,
        0x5E3D3551,
        0x6E59AE6F,
        0x32D06CC0,
        0x596293F3,
        0x6C87EDB2,
        0x08FC60B5,
        0x34BCCA80,
        0x24F007F3,
        0x62731C6F,
    ),
    (
        0x1E1DB6C6,
        0x0CA409BB,
        0x585C1E78,
        0x56E94EDC,
        0x16D22734,
        0x18E11467,
        0x7B2C3730,
        0x770075E4,
        0x35D1B18C,
        0x22BE3DB5,
        0x4FB1FBB7,
        0x477CB3ED,
        0x7D5311C6,
        0x5B62AE7D,
        0x559C5FA8,
        0x77F15048,
    ),
    (
        0x3211570B,
        0x490FEF6A,
        0x77EC311F,
        0x2247171B,
        0x4E0AC711,
        0x2EDF69C9,
        0x3B5A8850,
        0x65809421,
        0x5619B4AA,
        0x362019A7,
        0x6BF9D4ED,
        0x5B413DFF,
        0x617E181E,
        0x5E7AB57B,
        0x33AD7833,
        0x3466C7CA,
    ),
)


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
