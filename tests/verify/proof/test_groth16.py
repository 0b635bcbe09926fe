"""The pairing equation: what holds under a key, and what doesn't."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.optimized_bn128 import FQ2, b2, curve_order, field_modulus, is_inf, multiply
from support import snarks
from support.wire_data import DATA

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.checks import Status
from sp1tee.verify.proof import examine, read_program_key
from sp1tee.verify.proof.circuits import DIGESTS, groth16_key
from sp1tee.verify.proof.gnark import read_key, read_proof
from sp1tee.verify.proof.groth16 import verifies
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof

FIBONACCI = "00de0b076134b5f87a6b27086d654ea12ea3465c09e092d93744ecc2a0efef4a"
FIBONACCI_VALUES = b"\5\0\0\0"
STATEMENT = (1, 2, 3, 4, 5)
PROOF = snarks.points(STATEMENT)


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def test_a_valid_proof_verifies():
    assert verifies(snarks.key(), PROOF, STATEMENT)


def test_another_valid_proof_of_the_same_verifies():
    assert verifies(snarks.key(), snarks.points(STATEMENT, a=99, b=101), STATEMENT)


def test_large_inputs_verify():
    inputs = [curve_order - 1, 0, 1 << 253, curve_order - 2, 1]

    assert verifies(snarks.key(), snarks.points(inputs), inputs)


@pytest.mark.parametrize("position", range(5))
def test_a_proof_does_not_prove_another_statement(position: int):
    other = list(STATEMENT)
    other[position] += 1

    assert not verifies(snarks.key(), PROOF, other)


def test_points_of_another_proof_do_not_fit():
    other = snarks.points((9, 9, 9, 9, 9))

    assert not verifies(snarks.key(), PROOF[:192] + other[192:], STATEMENT)
    assert not verifies(snarks.key(), PROOF[192:] + PROOF[64:192] + PROOF[:64], STATEMENT)


def test_a_proof_under_another_key_does_not_verify():
    key = groth16_key("v6.1.0")

    assert key is not None
    assert not verifies(key, PROOF, STATEMENT)


@pytest.mark.parametrize("bit", [0, 511, 512, 700, 1535, 1536, 2047])
def test_a_flipped_bit_leaves_no_point(bit: int):
    with pytest.raises(EvidenceMalformed, match="not one of the group"):
        verifies(snarks.key(), flipped(PROOF, bit), STATEMENT)


def test_the_other_y_is_a_point_and_no_proof():
    negated = snarks.number(field_modulus - int.from_bytes(PROOF[32:64], "big"))

    assert not verifies(snarks.key(), PROOF[:32] + negated + PROOF[64:], STATEMENT)


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_proof_of_another_size_is_refused(size: int):
    with pytest.raises(EvidenceMalformed, match="256"):
        read_proof(PROOF.ljust(257, b"\0")[:size])


def test_a_coordinate_beyond_the_field_is_refused():
    x = int.from_bytes(PROOF[:32], "big") + field_modulus

    with pytest.raises(EvidenceMalformed, match="not one of the group"):
        read_proof(snarks.number(x) + PROOF[32:])


def test_infinity_is_no_point_of_a_proof():
    with pytest.raises(EvidenceMalformed, match="not one of the group"):
        read_proof(bytes(64) + PROOF[64:])


def _outside_the_group() -> bytes:
    """A point on the twist whose order is not the group's."""
    from sp1tee.verify.proof.gnark import _square_root

    for start in range(1, 100):
        x = FQ2([start, 0])
        square = x * x * x + b2
        y = _square_root(square)
        if y * y == square and not is_inf(multiply((x, y, FQ2.one()), curve_order)):
            numbers = (*reversed(x.coeffs), *reversed(y.coeffs))
            return b"".join(map(snarks.number, numbers))
    raise AssertionError


def test_a_point_of_the_curve_outside_the_group_is_refused():
    with pytest.raises(EvidenceMalformed, match="not one of the group"):
        read_proof(PROOF[:64] + _outside_the_group() + PROOF[192:])


def test_the_key_must_be_of_as_many_inputs():
    with pytest.raises(EvidenceMalformed, match="number of public inputs"):
        verifies(snarks.key(), PROOF, STATEMENT[:-1])


@pytest.mark.parametrize("size", [0, 287, 291, 300, 483])
def test_a_cut_key_is_refused(size: int):
    with pytest.raises(EvidenceMalformed):
        read_key(snarks.key()[:size])


def test_a_key_that_states_more_inputs_than_it_has_is_refused():
    key = snarks.key()

    with pytest.raises(EvidenceMalformed, match="cut"):
        read_key(key[:288] + b"\xff\xff\xff\xff" + key[292:])


@pytest.mark.parametrize("flag", [0x00, 0x40])
def test_a_point_without_its_sign_is_refused(flag: int):
    key = snarks.key()

    with pytest.raises(EvidenceMalformed, match="not one of the group"):
        read_key(bytes([key[0] & 0x3F | flag]) + key[1:])


def test_the_shipped_key_is_the_published_one():
    key = groth16_key("v6.1.0")

    assert key is not None
    assert hashlib.sha256(key).digest() == DIGESTS[Mode.GROTH16, "v6.1.0"]
    assert len(read_key(key).inputs) == 6
    assert groth16_key("v6.0.0") is None


def on_chain() -> SnarkProof:
    """Somebody's proof under the published circuit, from the form that contracts take."""
    text = (DATA / "proofs" / "fibonacci-groth16-onchain.hex").read_text()
    encoded = bytes.fromhex(text)[4:]
    digest = int.from_bytes(hashlib.sha256(FIBONACCI_VALUES).digest(), "big") % (1 << 253)
    heads = (int.from_bytes(encoded[start : start + 32], "big") for start in (0, 32, 64))
    return SnarkProof(
        mode=Mode.GROTH16,
        public_values=FIBONACCI_VALUES,
        sp1_version="v6.1.0",
        public_inputs=tuple(map(str, (int(FIBONACCI, 16), digest, *heads))),
        encoded_proof=encoded.hex(),
        raw_proof="00",
        vkey_hash=DIGESTS[Mode.GROTH16, "v6.1.0"],
    )


def test_a_real_proof_under_the_shipped_key_passes_by_its_programs_hash_alone():
    key = read_program_key(FIBONACCI)

    findings = examine(on_chain().encode_saved(), key, FIBONACCI_VALUES)

    assert {check.status for check in findings.checks} == {Status.PASS}


def test_a_real_proof_proves_no_other_program():
    inputs = on_chain().public_inputs
    other = replace(on_chain(), public_inputs=(str(int(inputs[0]) + 1), *inputs[1:]))

    findings = examine(other.encode_saved(), read_program_key(FIBONACCI), FIBONACCI_VALUES)

    failed = {check.id for check in findings.checks if check.status is Status.FAIL}
    assert failed == {"proof.program", "proof.cryptography"}


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=250, max_size=260), st.binary(min_size=250, max_size=500))
def test_no_bytes_bring_another_error(proof: bytes, key: bytes):
    with pytest.raises(EvidenceMalformed):
        read_proof(proof)
    with pytest.raises(EvidenceMalformed):
        read_key(key)


def test_what_nests_too_deep_is_an_error_still_once_the_curve_is_there():
    """py-ecc raises the recursion limit of its process; JSON then overflows the C stack."""
    program = (
        "import json, sys; limit = sys.getrecursionlimit();"
        "import sp1tee.verify.proof.groth16; assert sys.getrecursionlimit() == limit;"
        "json.loads('[' * 1_000_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("RecursionError")
