"""Proofs: exact in both directions, real ones and golden ones, and nothing else is read."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, vectors

from sp1tee.errors import ProofError, WireError
from sp1tee.wire.bincode import Writer
from sp1tee.wire.commitment import as_elements, digests
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof, SnarkProof, StarkProof, decode_proof
from sp1tee.wire.versions import SUPPORTED, Family

Case = dict[str, Any]
GOLDEN = [case for case in vectors()["bincode"]["cases"] if case["name"].startswith("proof_")]

versions = st.sampled_from([version.circuit for version in SUPPORTED])
tee_proofs = st.none() | st.binary(max_size=80)


def snark(**changes: Any) -> SnarkProof:
    fields: dict[str, Any] = {
        "mode": Mode.GROTH16,
        "public_inputs": ("1", "2", "0", "3", "4"),
        "encoded_proof": "aabb",
        "raw_proof": "cc",
        "vkey_hash": bytes(range(32)),
        "public_values": b"pv",
        "sp1_version": "v6.1.0",
    }
    return SnarkProof(**fields | changes)


def stark(body: bytes, public_values: bytes, **changes: Any) -> StarkProof:
    fields: dict[str, Any] = {"mode": Mode.COMPRESSED, "sp1_version": "v6.1.0"}
    return StarkProof(body=body, public_values=public_values, **fields | changes)


def committing(public_values: bytes, *, hash_: int = 0, **changes: Any) -> StarkProof:
    """A stand-in whose opaque body holds the digest of its public values, as real ones do."""
    digest = as_elements(digests(public_values)[hash_])
    return stark(b"\x07" * 40 + digest + b"\x09" * 40, public_values, **changes)


@pytest.mark.parametrize("mode", ["core", "compressed"])
def test_a_real_proof_is_read_and_written_byte_for_byte(mode: str) -> None:
    saved = real_proof(mode)
    proof = decode_proof(saved)
    assert (str(proof.mode), proof.sp1_version, proof.family) == (mode, "v6.1.0", Family.V6)
    assert proof.public_values == SAMPLE_PUBLIC_VALUES
    assert proof.tee_proof is None
    assert proof.encode_saved() == saved
    assert proof.encode_network() == saved[:-1]


@pytest.mark.parametrize("mode", ["core", "compressed"])
@pytest.mark.parametrize("hint", [SAMPLE_PUBLIC_VALUES, b"wrong", b""])
def test_a_real_proof_is_read_from_the_network_with_any_hint(mode: str, hint: bytes) -> None:
    network = real_proof(mode)[:-1]
    proof = decode_proof(network, public_values_hint=hint)
    assert proof.public_values == SAMPLE_PUBLIC_VALUES
    assert proof.encode_network() == network


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_a_golden_proof_is_read_and_written_byte_for_byte(case: Case) -> None:
    data = bytes.fromhex(case["hex"])
    proof = decode_proof(data)
    assert isinstance(proof, SnarkProof)
    assert proof.mode.variant == case["variant"]
    assert list(proof.public_inputs) == case["public_inputs"]
    assert (proof.encoded_proof, proof.raw_proof) == (case["encoded_proof"], case["raw_proof"])
    assert proof.vkey_hash.hex() == case["vkey_hash"]
    assert proof.public_values.hex() == case["public_values"]
    assert proof.sp1_version == case["sp1_version"]
    assert proof.tee_proof == (b"\xfe\xff" if case["name"].endswith("some") else None)
    absent = case["name"].endswith("absent")
    assert (proof.encode_network() if absent else proof.encode_saved()) == data


def test_on_chain_bytes_begin_with_the_circuits_key() -> None:
    assert snark().onchain_bytes() == bytes(range(4)) + b"\xaa\xbb"
    assert snark(tee_proof=b"t").onchain_bytes() == b"t" + bytes(range(4)) + b"\xaa\xbb"


def test_on_chain_bytes_of_a_mock_are_empty_as_the_mock_verifier_wants() -> None:
    assert snark(encoded_proof="").onchain_bytes() == b""


def test_only_snarks_have_on_chain_bytes() -> None:
    with pytest.raises(ProofError, match="core proof cannot be verified on chain"):
        decode_proof(real_proof("core")).onchain_bytes()
    with pytest.raises(ProofError, match="not hex"):
        snark(encoded_proof="no hex").onchain_bytes()


def test_a_proofs_contents_show_in_no_repr() -> None:
    for proof in (stark(b"marker", b"marker"), snark(public_values=b"marker", tee_proof=b"marker")):
        assert "marker" not in f"{proof} {proof!r}"


@given(st.sampled_from(Family), st.sampled_from([Mode.PLONK, Mode.GROTH16]), tee_proofs, st.data())
def test_snark_proofs_come_back(
    family: Family, mode: Mode, tee_proof: bytes | None, data: st.DataObject
) -> None:
    proof = snark(
        mode=mode,
        public_inputs=("1", "2") if family is Family.V5 else ("1", "2", "0", "3", "4"),
        encoded_proof=data.draw(st.text("0123456789abcdef", max_size=40)),
        public_values=data.draw(st.binary(max_size=40)),
        sp1_version="v5.0.0" if family is Family.V5 else "v6.0.0",
        tee_proof=tee_proof,
    )
    assert decode_proof(proof.encode_saved()) == proof


@given(st.binary(max_size=200), versions, tee_proofs, st.sampled_from([0, 1]))
def test_stark_proofs_come_back_whatever_their_public_values(
    public_values: bytes, version: str, tee_proof: bytes | None, hash_: int
) -> None:
    proof = committing(public_values, hash_=hash_, sp1_version=version, tee_proof=tee_proof)
    assert decode_proof(proof.encode_saved()) == proof


@pytest.mark.parametrize(
    "public_values",
    [
        b"",
        bytes(8),
        bytes(1000),
        Writer().byte_string(b"abc").done(),
        Writer().u64(8).u64(0).done(),
        Writer().string("v6.1.0").done(),
        b"x" * 70_000,
    ],
    ids=["none", "one zero", "zeros", "a length", "two lengths", "a version", "large"],
)
def test_public_values_that_look_like_lengths_are_told_by_their_digest(
    public_values: bytes,
) -> None:
    proof = committing(public_values)
    assert decode_proof(proof.encode_network()) == proof


def test_a_version_in_the_public_values_is_not_the_proofs() -> None:
    values = Writer().string("v6.1.0").u8(1).byte_string(bytes(22)).done()
    proof = committing(values, sp1_version="v5.0.0")
    assert decode_proof(proof.encode_network()) == proof


@given(st.binary(max_size=100))
def test_an_empty_core_proof_is_read_forwards(public_values: bytes) -> None:
    proof = stark(bytes(8), public_values, mode=Mode.CORE, sp1_version="v5.0.0")
    assert decode_proof(proof.encode_saved()) == proof


def test_an_empty_core_proof_with_something_behind_is_refused() -> None:
    proof = stark(bytes(8) + b"\x05", b"", mode=Mode.CORE)
    with pytest.raises(ProofError, match="no shards"):
        decode_proof(proof.encode_network())


def test_a_proof_of_changed_public_values_is_still_read_so_that_it_can_be_judged() -> None:
    honest = committing(b"honest values")
    changed = stark(honest.body, b"change values")
    assert decode_proof(changed.encode_network()) == changed


def test_public_values_that_nothing_confirms_and_several_lengths_fit_are_refused() -> None:
    with pytest.raises(ProofError, match="cannot be told"):
        decode_proof(stark(b"\x01" * 50, bytes(16)).encode_network())


def test_a_forest_of_fitting_lengths_is_given_up_soon() -> None:
    values = b"".join((8 * n).to_bytes(8, "little") for n in reversed(range(100_000)))
    with pytest.raises(ProofError, match="cannot be told"):
        decode_proof(stark(b"\x01" * 50, values).encode_network())


@pytest.mark.parametrize("mode", ["core", "compressed"])
@pytest.mark.parametrize("cut", [1, 8, 15, 30, 100_000])
def test_a_real_proof_cut_at_its_end_is_refused(mode: str, cut: int) -> None:
    with pytest.raises(ProofError, match="known circuit version"):
        decode_proof(real_proof(mode)[:-1][:-cut])


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])
def test_a_golden_proof_cut_anywhere_is_refused(case: Case) -> None:
    data = bytes.fromhex(case["hex"])
    whole = {len(data), len(decode_proof(data).encode_network())}
    for length in set(range(len(data))) - whole:
        with pytest.raises(ProofError):
            decode_proof(data[:length])


def test_bytes_behind_a_proof_are_refused() -> None:
    for proof in (snark(), committing(b"pv")):
        with pytest.raises(ProofError):
            decode_proof(proof.encode_saved() + b"\0")


@pytest.mark.parametrize(
    "proof",
    [
        snark(sp1_version="v7.0.0"),
        snark(sp1_version="v5.0.0"),
        snark(public_inputs=("1", "2")),
        committing(b"pv", sp1_version="v4.1.0"),
    ],
    ids=["unknown", "v5 with five inputs", "v6 with two inputs", "old stark"],
)
def test_a_proof_that_fits_no_known_version_is_refused_and_those_are_named(proof: Proof) -> None:
    with pytest.raises(ProofError) as caught:
        decode_proof(proof.encode_network())
    assert "v5.0.0, v6.0.0, v6.1.0" in caught.value.advice


@given(
    st.binary(max_size=300)
    | st.tuples(st.integers(0, 4), st.binary(max_size=200), versions, st.binary(max_size=9)).map(
        lambda t: Writer().u32(t[0]).raw(t[1]).string(t[2]).raw(t[3]).done()
    )
)
def test_arbitrary_bytes_are_proofs_or_wire_errors(data: bytes) -> None:
    with contextlib.suppress(WireError):
        proof = decode_proof(data)
        assert data in (proof.encode_network(), proof.encode_saved())
