"""Verifying keys of v6 and the forms of their hash, against real keys."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import SAMPLE_VK_HASH, recorded_requests, sample

from sp1tee.errors import VerifyingKeyError
from sp1tee.wire.keys import (
    bytes32,
    hash_bn254,
    parse_vk_v6,
    vk_hash_from_bytes32,
    vk_hash_v6,
)
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.poseidon2 import PRIME, permute, sponge

SAMPLE_VK = sample("-vk.bin")

key_hashes = st.lists(st.integers(0, PRIME - 1), min_size=8, max_size=8).map(
    lambda words: struct.pack(">8I", *words)
)


def test_a_real_keys_hash_is_the_one_the_network_knows() -> None:
    assert vk_hash_v6(SAMPLE_VK) == SAMPLE_VK_HASH


@pytest.mark.parametrize("dialect", ["reserved", "hosted", "private-stdin", "mainnet"])
def test_the_hash_that_the_sdk_registered_is_that_of_the_key_it_sent(dialect: str) -> None:
    (request,) = recorded_requests(f"6.10.0/{dialect}", "CreateProgram")
    envelope = types_pb2.SignedRequest.FromString(request)
    body = types_pb2.CreateProgramRequestBody.FromString(envelope.body)
    assert vk_hash_v6(body.vk) == body.vk_hash
    assert body.vk_hash.hex().startswith("4b09a697")


def test_a_real_key_names_the_entry_point_of_its_program() -> None:
    (entry,) = struct.unpack_from("<Q", sample(".elf"), 24)
    key = parse_vk_v6(SAMPLE_VK)
    assert key.pc_start_address == entry
    assert key.untrusted == 0


@pytest.mark.parametrize("size", [0, 103, 105, 278])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(VerifyingKeyError, match=f"{size} bytes"):
        parse_vk_v6(bytes(size))


@pytest.mark.parametrize("element", range(26))
def test_a_number_beyond_the_field_is_refused(element: int) -> None:
    key = bytearray(SAMPLE_VK)
    struct.pack_into("<I", key, 4 * element, PRIME)
    with pytest.raises(VerifyingKeyError, match="field element"):
        parse_vk_v6(bytes(key))


@given(st.binary(max_size=120) | st.binary(min_size=104, max_size=104))
def test_arbitrary_bytes_are_keys_or_key_errors(data: bytes) -> None:
    with contextlib.suppress(VerifyingKeyError):
        assert len(vk_hash_v6(data)) == 32
    for read in (hash_bn254, bytes32, vk_hash_from_bytes32):
        with contextlib.suppress(VerifyingKeyError):
            read(data)


@given(key_hashes)
def test_the_on_chain_form_of_a_hash_leads_back_to_it(vk_hash: bytes) -> None:
    assert vk_hash_from_bytes32(bytes32(vk_hash)) == vk_hash
    assert int.from_bytes(bytes32(vk_hash), "big") == hash_bn254(vk_hash)


def test_the_on_chain_form_packs_31_bits_a_word_first_word_highest() -> None:
    words = (1, 0, 0, 0, 0, 0, 0, 2)
    assert hash_bn254(struct.pack(">8I", *words)) == (1 << 217) + 2


@pytest.mark.parametrize("vk_hash", [b"", bytes(33), b"\x80" + bytes(31)])
def test_what_is_no_hash_has_no_on_chain_form(vk_hash: bytes) -> None:
    with pytest.raises(VerifyingKeyError):
        bytes32(vk_hash)


@pytest.mark.parametrize("b32", [b"", bytes(31), b"\x01" + bytes(31)])
def test_what_is_no_on_chain_form_leads_nowhere(b32: bytes) -> None:
    with pytest.raises(VerifyingKeyError):
        vk_hash_from_bytes32(b32)


@given(st.lists(st.integers(0, PRIME - 1), max_size=40))
def test_hashes_are_field_elements_and_chunks_overwrite_the_state(elements: list[int]) -> None:
    digest = sponge(elements)
    assert len(digest) == 8
    assert all(0 <= element < PRIME for element in digest)
    if 0 < len(elements) <= 8:
        padded = elements + [0] * (16 - len(elements))
        assert digest == tuple(permute(padded)[:8])
