"""SHA-256's precompiles against the standard library."""

import hashlib
from struct import pack, unpack

from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import precompiles

START = (
    *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
    *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
)


@given(st.binary(max_size=55))
def test_one_padded_block_gives_the_digest(message: bytes):
    block = message + b"\x80" + bytes(55 - len(message)) + pack(">Q", 8 * len(message))
    schedule = precompiles.extend(unpack(">16I", block))

    digest = pack(">8I", *precompiles.compress(START, schedule))

    assert len(schedule) == 64
    assert digest == hashlib.sha256(message).digest()


def test_every_number_is_a_precompiles_in_sp1s_layout():
    assert all(number >> 8 & 0xFF == 1 for number in precompiles.NAMES)
    assert len(set(precompiles.NAMES.values())) == len(precompiles.NAMES)
