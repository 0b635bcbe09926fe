"""What proofs claim, and that another claim is noticed and named."""

import contextlib
import dataclasses
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof

from sp1tee.errors import ClaimMismatch, ProofError, WireError
from sp1tee.wire.claims import RECURSION_ROOTS, Claims, check_claims, read_claims
from sp1tee.wire.commitment import as_elements, digests, masked
from sp1tee.wire.keys import hash_bn254
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof, SnarkProof, StarkProof, decode_proof
from sp1tee.wire.versions import Family, latest

OTHER_VK_HASH = bytes(range(32))
SHA256, BLAKE3 = digests(SAMPLE_PUBLIC_VALUES)
ROOT = RECURSION_ROOTS["v6.1.0"]
# The same number as in SP1's released circuits, packed as public input 3 packs it.
PACKED_ROOT = 83960146348496814183195590144795274058764451818716359375255161226434597714


def check(proof: Proof) -> None:
    check_claims(proof, vk_hash=SAMPLE_VK_HASH, public_values=SAMPLE_PUBLIC_VALUES)


def real(mode: str) -> StarkProof:
    proof = decode_proof(real_proof(mode))
    assert isinstance(proof, StarkProof)
    return proof


def with_element(proof: StarkProof, position: int, value: int) -> StarkProof:
    """Change the u32 at a byte position of the body."""
    body = bytearray(proof.body)
    struct.pack_into("<I", body, position, value)
    return dataclasses.replace(proof, body=bytes(body))


def compressed(element: int, value: int) -> StarkProof:
    """The real compressed proof with one element of its claims changed."""
    return with_element(real("compressed"), 104 + 8 + 4 * element, value)


def last_shard(element: int, value: int) -> StarkProof:
    """The real core proof with one element of its last shard's claims changed."""
    proof = real("core")
    digest = proof.body.rfind(as_elements(SHA256))
    return with_element(proof, digest - 4 * 32 + 4 * element, value)


def snark(family: Family = Family.V6, **changes: Any) -> SnarkProof:
    digest = int.from_bytes(masked(SHA256), "big")
    inputs = (hash_bn254(SAMPLE_VK_HASH), digest, 0, PACKED_ROOT, 0)
    count = 2 if family is Family.V5 else 5
    fields: dict[str, Any] = {
        "mode": Mode.GROTH16,
        "public_inputs": tuple(map(str, inputs[:count])),
        "encoded_proof": "aa",
        "raw_proof": "bb",
        "vkey_hash": bytes(32),
        "public_values": SAMPLE_PUBLIC_VALUES,
        "sp1_version": latest(family).circuit,
    }
    return SnarkProof(**fields | changes)


def snark_with(position: int, number: object, family: Family = Family.V6) -> SnarkProof:
    inputs = list(snark(family).public_inputs)
    inputs[position] = str(number)
    return snark(family, public_inputs=tuple(inputs))


def v5_stark(mode: Mode, *, exit_code: int = 0, vk_hash: bytes = SAMPLE_VK_HASH) -> StarkProof:
    """A stand-in whose last 231 elements are laid out as those of a v5 proof."""
    elements = [0] * 231
    elements[:32] = SHA256
    if mode is Mode.COMPRESSED:
        elements[190:198] = struct.unpack(">8I", vk_hash)
        elements[220], elements[222] = 1, exit_code
    else:
        elements[42] = exit_code
    body = b"opaque" + struct.pack("<Q231I", 231, *elements)
    return StarkProof(
        mode=mode, body=body, public_values=SAMPLE_PUBLIC_VALUES, sp1_version="v5.0.0"
    )


def test_a_real_compressed_proof_says_everything() -> None:
    assert read_claims(real("compressed")) == Claims(SAMPLE_VK_HASH, SHA256, 0, True, ROOT)
    check(real("compressed"))


def test_a_real_core_proof_says_all_but_the_program() -> None:
    assert read_claims(real("core")) == Claims(public_values_digest=SHA256, exit_code=0)
    check(real("core"))


def test_a_v6_snark_says_all_but_completeness() -> None:
    assert read_claims(snark()) == Claims(SAMPLE_VK_HASH, masked(SHA256), 0, None, ROOT)
    check(snark())


def test_a_v5_snark_says_program_and_public_values() -> None:
    assert read_claims(snark(Family.V5)) == Claims(SAMPLE_VK_HASH, masked(SHA256))
    check(snark(Family.V5))


@pytest.mark.parametrize("mode", [Mode.CORE, Mode.COMPRESSED])
def test_v5_stark_claims_stand_at_the_end(mode: Mode) -> None:
    claims = read_claims(v5_stark(mode))
    assert (claims.public_values_digest, claims.exit_code) == (SHA256, 0)
    assert claims.vk_hash == (None if mode is Mode.CORE else SAMPLE_VK_HASH)
    check(v5_stark(mode))


def test_a_guest_that_hashes_with_blake3_is_accepted() -> None:
    digest = int.from_bytes(masked(BLAKE3), "big")
    check(snark_with(1, digest))
    body = real("compressed").body.replace(as_elements(SHA256), as_elements(BLAKE3))
    check(dataclasses.replace(real("compressed"), body=body))


OTHER_VALUES = dataclasses.replace(real("compressed"), public_values=b"other")
MISMATCHES = {
    "compressed, other program": (compressed(136, 1), "program"),
    "compressed, failed run": (compressed(170, 1), "exit code"),
    "compressed, other digest": (compressed(32, SHA256[0] ^ 1), "public values"),
    "compressed, other values carried": (OTHER_VALUES, "public values"),
    "compressed, a part of the run": (compressed(168, 0), "completeness"),
    "compressed, other circuits": (compressed(144, 1), "circuits"),
    "core, failed run": (last_shard(87, 1), "exit code"),
    "core, other values carried": (
        dataclasses.replace(real("core"), public_values=b"other"),
        "public values",
    ),
    "core, no shard commits": (
        dataclasses.replace(
            real("core"),
            body=real("core").body.replace(as_elements(SHA256), as_elements(BLAKE3[::-1])),
        ),
        "public values",
    ),
    "v6 snark, other program": (snark_with(0, hash_bn254(OTHER_VK_HASH)), "program"),
    "v6 snark, other digest": (snark_with(1, 5), "public values"),
    "v6 snark, unmasked digest": (
        snark_with(1, int.from_bytes(masked(SHA256)) ^ 1),
        "public values",
    ),
    "v6 snark, failed run": (snark_with(2, 1), "exit code"),
    "v6 snark, other circuits": (snark_with(3, 0), "circuits"),
    "v6 snark, other values carried": (snark(public_values=b"other"), "public values"),
    "v5 snark, other program": (
        snark_with(0, hash_bn254(OTHER_VK_HASH), Family.V5),
        "program",
    ),
    "v5 snark, other digest": (snark_with(1, 5, Family.V5), "public values"),
    "v5 compressed, other program": (
        v5_stark(Mode.COMPRESSED, vk_hash=OTHER_VK_HASH),
        "program",
    ),
    "v5 compressed, failed run": (v5_stark(Mode.COMPRESSED, exit_code=1), "exit code"),
    "v5 core, failed run": (v5_stark(Mode.CORE, exit_code=1), "exit code"),
}


@pytest.mark.parametrize(("proof", "claim"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_proof_of_something_else_is_noticed_and_the_claim_is_named(
    proof: Proof, claim: str
) -> None:
    with pytest.raises(ClaimMismatch) as caught:
        check(proof)
    assert caught.value.claim == claim


UNREADABLE = {
    "compressed, too short": dataclasses.replace(real("compressed"), body=bytes(100)),
    "compressed, not where it should be": with_element(real("compressed"), 104, 188),
    "compressed, a digest that is none": compressed(40, 256),
    "core, too short": dataclasses.replace(real("core"), body=bytes(8) + b"\x01"),
    "v5, too short": dataclasses.replace(v5_stark(Mode.CORE), body=b""),
    "snark, inputs missing": snark(public_inputs=("1", "2")),
    "snark, not a number": snark_with(2, "-1"),
    "snark, underscores": snark_with(2, "1_0"),
    "snark, foreign digits": snark_with(2, "\u0661"),
    "snark, empty": snark_with(2, ""),
    "snark, beyond the field": snark_with(1, 2**254),
    "snark, endless": snark_with(1, "1" * 10_000),
    "snark, no key hash": snark_with(0, 2**249),
}


@pytest.mark.parametrize("proof", UNREADABLE.values(), ids=UNREADABLE)
def test_claims_that_cannot_be_read_are_a_proof_error(proof: Proof) -> None:
    with pytest.raises(ProofError):
        read_claims(proof)


@given(st.binary(max_size=1200), st.sampled_from(["v5.0.0", "v6.1.0", "v9.9.9"]), st.booleans())
def test_arbitrary_bodies_have_claims_or_are_wire_errors(
    body: bytes, version: str, core: bool
) -> None:
    mode = Mode.CORE if core else Mode.COMPRESSED
    with contextlib.suppress(WireError):
        read_claims(StarkProof(mode=mode, body=body, public_values=b"", sp1_version=version))


@given(st.lists(st.text(max_size=5) | st.integers(0, 2**256).map(str), min_size=5, max_size=5))
def test_arbitrary_public_inputs_have_claims_or_are_wire_errors(inputs: list[str]) -> None:
    with contextlib.suppress(WireError):
        read_claims(snark(public_inputs=tuple(inputs)))
