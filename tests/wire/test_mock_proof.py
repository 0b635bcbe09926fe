"""Mocks: what SP1's own mock prover makes, and told from proofs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof

from sp1tee.errors import ClaimMismatch, UnsupportedMock, VerifyingKeyError
from sp1tee.wire.claims import check_claims
from sp1tee.wire.mock_proof import is_mock, mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof, decode_proof
from sp1tee.wire.versions import Family, parse_version

MODES = [Mode.CORE, Mode.PLONK, Mode.GROTH16]


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("mode", MODES)
def test_a_mock_travels_like_a_proof_and_claims_the_right_things(
    mode: Mode, family: Family
) -> None:
    proof = mock_proof(mode, family, SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES)
    assert decode_proof(proof.encode_network()) == proof
    assert proof.family is family
    assert is_mock(proof)
    check_claims(proof, vk_hash=SAMPLE_VK_HASH, public_values=SAMPLE_PUBLIC_VALUES)
    with pytest.raises(ClaimMismatch):
        check_claims(proof, vk_hash=SAMPLE_VK_HASH, public_values=b"other")


def test_the_core_mock_is_the_encoding_that_sdk_5_decoded() -> None:
    proof = mock_proof(Mode.CORE, Family.V5, SAMPLE_VK_HASH, b"\x01" * 12)
    assert proof.encode_network().hex() == (
        "0000000000000000000000000c00000000000000" + "01" * 12 + "060000000000000076352e302e30"
    )


@pytest.mark.parametrize(("family", "zeros"), [(Family.V5, 0), (Family.V6, 3)])
def test_public_inputs_are_key_hash_and_digest_then_zeros(family: Family, zeros: int) -> None:
    proof = mock_proof(Mode.GROTH16, family, bytes(31) + b"\x05", b"")
    assert isinstance(proof, SnarkProof)
    # SHA-256 of nothing is e3b0c442…b855; its three highest bits are cleared.
    digest = int("03b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 16)
    assert proof.public_inputs == ("5", str(digest), *["0"] * zeros)
    assert proof.onchain_bytes() == b""


def test_a_mock_carries_the_version_that_was_asked_for() -> None:
    version = parse_version("sp1-v6.0.0")
    proof = mock_proof(Mode.PLONK, Family.V6, SAMPLE_VK_HASH, b"", version=version)
    assert proof.sp1_version == "v6.0.0"


@pytest.mark.parametrize("family", Family)
def test_a_compressed_mock_is_refused_with_a_way_out(family: Family) -> None:
    with pytest.raises(UnsupportedMock) as caught:
        mock_proof(Mode.COMPRESSED, family, SAMPLE_VK_HASH, b"")
    assert "core, plonk or groth16" in caught.value.advice


@pytest.mark.parametrize("vk_hash", [b"", bytes(31), b"\xff" * 32])
def test_what_is_no_key_hash_cannot_be_claimed(vk_hash: bytes) -> None:
    with pytest.raises(VerifyingKeyError):
        mock_proof(Mode.GROTH16, Family.V6, vk_hash, b"")


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_real_proof_is_no_mock(mode: str) -> None:
    assert not is_mock(decode_proof(real_proof(mode)))


@given(st.sampled_from(MODES), st.sampled_from(Family), st.binary(max_size=50))
def test_mocks_of_any_public_values_are_recognised(
    mode: Mode, family: Family, public_values: bytes
) -> None:
    proof = mock_proof(mode, family, SAMPLE_VK_HASH, public_values)
    assert is_mock(decode_proof(proof.encode_saved()))
