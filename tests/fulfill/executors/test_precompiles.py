"""The arithmetic of the precompiles against other implementations of it."""

import hashlib
from struct import pack, unpack

from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import keccak, sha256
from sp1tee.fulfill.executors.syscall_numbers import PRECOMPILES

START = (
    *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
    *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
)
SHA3_RATE = 136


@given(st.binary(max_size=55))
def test_sha256_of_one_padded_block_gives_the_digest(message: bytes):
    block = message + b"\x80" + bytes(55 - len(message)) + pack(">Q", 8 * len(message))
    schedule = sha256.extend(unpack(">16I", block))

    digest = pack(">8I", *sha256.compress(START, schedule))

    assert len(schedule) == 64
    assert digest == hashlib.sha256(message).digest()


@given(st.binary(max_size=SHA3_RATE - 2))
def test_keccak_of_one_padded_block_gives_the_sha3_digest(message: bytes):
    padded = message + b"\x06" + bytes(SHA3_RATE - len(message) - 2) + b"\x80"
    state = keccak.permute(unpack("<25Q", padded.ljust(200, b"\0")))

    assert pack("<25Q", *state)[:32] == hashlib.sha3_256(message).digest()


def test_every_number_is_a_precompiles_in_sp1s_layout():
    assert all(number >> 8 & 0xFF == 1 for number in PRECOMPILES)
    assert len(set(PRECOMPILES.values())) == len(PRECOMPILES)
