"""Signatures: whom they name, which forms are read, and that keys stay hidden."""

import contextlib
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import key, vectors

from sp1tee.errors import HexError, SignatureError, SigningKeyError, WireError
from sp1tee.wire.signing import (
    CREATE_ARTIFACT_TEXT,
    Signer,
    checksum_address,
    eip191_digest,
    keccak256,
    parse_address,
    recover,
)

Case = dict[str, Any]
SIGNED = vectors()["signatures_eip191"]
FROM_THE_NETWORK = vectors()["network_recorded_signatures"]["cases"]
CREATE_ARTIFACT = vectors()["create_artifact_signatures"]["cases"]
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"

private_keys = st.integers(1, ORDER - 1).map(lambda n: n.to_bytes(32, "big"))


@pytest.mark.parametrize("case", SIGNED, ids=lambda c: c["message_name"])
def test_signing_gives_the_golden_signature(case: Case) -> None:
    message = bytes.fromhex(case["message_hex"])
    signer = key(case["key"])
    assert eip191_digest(message).hex() == case["eip191_digest"]
    assert signer.sign(message).hex() == case["signature"]
    assert recover(message, bytes.fromhex(case["signature"])) == signer.address


@pytest.mark.parametrize("case", FROM_THE_NETWORK, ids=lambda c: c["message"])
def test_signatures_recorded_from_the_network_name_their_signers(case: Case) -> None:
    message, signature = bytes.fromhex(case["message_hex"]), bytes.fromhex(case["signature"])
    assert recover(message, signature).hex() == case["signer"]


@pytest.mark.parametrize("case", CREATE_ARTIFACT, ids=lambda c: c["key"])
def test_create_artifact_is_signed_as_the_sdk_signs_it(case: Case) -> None:
    signer = key(case["key"])
    assert signer.sign(CREATE_ARTIFACT_TEXT).hex() == case["standard_signature"]
    assert signer.sign_create_artifact().hex() == case["sdk_signature"]
    assert recover(CREATE_ARTIFACT_TEXT, signer.sign_create_artifact()) == signer.address


@pytest.mark.parametrize("case", CREATE_ARTIFACT, ids=lambda c: f"v{c['sdk_v']}")
def test_54_and_55_are_not_read_as_eip155_which_would_flip_the_parity(case: Case) -> None:
    # EIP-155 reads v = 35 + 2 * chain + parity, so 54 would be odd and 55 even.
    signature = bytes.fromhex(case["sdk_signature"])
    flipped = signature[:-1] + bytes([1 - (signature[-1] - 35) % 2])
    assert recover(CREATE_ARTIFACT_TEXT, signature) == key(case["key"]).address
    assert recover(CREATE_ARTIFACT_TEXT, flipped) == key(case["key"]).address
    as_eip155 = signature[:-1] + bytes([(signature[-1] - 35) % 2])
    assert recover(CREATE_ARTIFACT_TEXT, as_eip155) != key(case["key"]).address


@pytest.mark.parametrize("base", [0, 27, 54])
def test_each_form_of_v_names_the_same_signer(base: int) -> None:
    for case in SIGNED:
        signature = bytes.fromhex(case["signature"])
        other_form = signature[:-1] + bytes([base + signature[-1] - 27])
        message = bytes.fromhex(case["message_hex"])
        assert recover(message, other_form) == key(case["key"]).address


@pytest.mark.parametrize("v", sorted(set(range(256)) - {0, 1, 27, 28, 54, 55}))
def test_any_other_v_is_refused(v: int) -> None:
    signature = bytes.fromhex(SIGNED[0]["signature"])
    with pytest.raises(SignatureError, match=f"v = {v}"):
        recover(b"", signature[:-1] + bytes([v]))


@pytest.mark.parametrize("length", [0, 1, 64, 66, 130])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureError, match=f"{length} bytes"):
        recover(b"", bytes(length))


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 1), (5, 1)]
)
def test_numbers_that_no_signature_has_are_refused(r: int, s: int) -> None:
    # 5 is not the x of any point of the curve; the others are out of range.
    with pytest.raises(SignatureError, match="any key"):
        recover(b"", r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\x1b")


def test_a_high_s_names_the_same_signer_as_on_the_network() -> None:
    signature = bytes.fromhex(SIGNED[0]["signature"])
    s = ORDER - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + s.to_bytes(32, "big") + bytes([27 + 28 - signature[-1]])
    message = bytes.fromhex(SIGNED[0]["message_hex"])
    assert recover(message, twin) == recover(message, signature)


@given(st.binary(max_size=300), private_keys)
def test_eth_account_makes_the_same_signatures(message: bytes, raw: bytes) -> None:
    ours = Signer.from_bytes(raw)
    theirs = Account.from_key(raw)
    assert ours.sign(message) == bytes(theirs.sign_message(encode_defunct(message)).signature)
    assert checksum_address(ours.address) == theirs.address


@given(st.binary(max_size=64), st.binary(max_size=70) | st.binary(min_size=65, max_size=65))
def test_arbitrary_signatures_name_someone_or_are_refused(message: bytes, signature: bytes) -> None:
    with contextlib.suppress(SignatureError):
        assert len(recover(message, signature)) == 20


def test_a_signature_of_other_bytes_names_someone_else() -> None:
    case = SIGNED[0]
    message = bytearray.fromhex(case["message_hex"])
    message[-1] ^= 1
    signature = bytes.fromhex(case["signature"])
    assert recover(bytes(message), signature) != key(case["key"]).address


def test_a_key_is_read_with_and_without_prefix_and_with_space_around() -> None:
    address = Signer.from_hex(SECRET).address
    assert Signer.from_hex(f" 0x{SECRET.upper()}\n").address == address
    assert Signer.from_bytes(bytes.fromhex(SECRET)).address == address


@pytest.mark.parametrize(
    "text", ["", "0x", SECRET[2:], SECRET + "00", "zz" * 32, "00" * 32, f"{ORDER:x}"]
)
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SigningKeyError) as caught:
        Signer.from_hex(text)
    assert text in "0x" or text not in str(caught.value) + caught.value.advice
    assert caught.value.__cause__ is None


def test_a_signer_shows_its_address_and_never_its_key() -> None:
    signer = Signer.from_hex(SECRET)
    assert repr(signer) == "Signer(0x2c7536E3605D9C16a7a3D7b1898e529396a65c23)"
    assert SECRET not in f"{signer} {signer!r}"
    assert not hasattr(signer, "__dict__")


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_signer_cannot_be_copied_out_of_its_process(leave: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="key"):
        leave(Signer.from_hex(SECRET))


@given(st.binary(min_size=20, max_size=20))
def test_addresses_are_written_as_eip55_and_read_back(address: bytes) -> None:
    text = checksum_address(address)
    assert text == to_checksum_address(address)
    assert parse_address(text) == parse_address(text[2:].lower()) == address


def test_an_address_with_one_letter_changed_fails_its_checksum() -> None:
    with pytest.raises(HexError, match="checksum"):
        parse_address("0x2C7536E3605D9C16a7a3D7b1898e529396a65c23")


@pytest.mark.parametrize("text", ["", "0x", "2c75", "0x" + "ab" * 21, "0x" + "xy" * 20])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(HexError):
        parse_address(text)


@given(st.text(max_size=50))
def test_arbitrary_texts_are_keys_and_addresses_or_wire_errors(text: str) -> None:
    for read in (Signer.from_hex, parse_address):
        with contextlib.suppress(WireError):
            read(text)


def test_the_mainnet_request_id_is_keccak_of_signer_and_body() -> None:
    rule = vectors()["mainnet_request_id"]
    body = next(m["hex"] for m in vectors()["messages"] if m["name"] == rule["body"])
    digest = keccak256(parse_address(rule["signer"]), bytes.fromhex(body))
    assert digest.hex() == rule["request_id"]
