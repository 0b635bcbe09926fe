"""Whether a worker's proof is what was asked for, tried with real proofs."""

import contextlib
import hashlib
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import record
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof

from sp1tee.errors import ProofRefused
from sp1tee.serve.examine import Examined, examine
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.versions import Family

DIGEST = hashlib.sha256(SAMPLE_PUBLIC_VALUES).digest()


def network_form(mode: str) -> bytes:
    return decode_proof(real_proof(mode)).encode_network()


def asked(mode: int = Mode.COMPRESSED, **changes: Any) -> Any:
    return record(**({"vk_hash": SAMPLE_VK_HASH, "mode": mode} | changes))


@pytest.mark.parametrize("mode", [Mode.CORE, Mode.COMPRESSED])
def test_a_real_proof_of_what_was_asked_for_is_taken(mode: Mode):
    assert examine(asked(mode), network_form(mode.name.lower())) == Examined(False, DIGEST)


def test_a_mock_proof_is_known_as_one():
    proof = mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, SAMPLE_PUBLIC_VALUES)
    assert examine(asked(Mode.GROTH16), proof.encode_network()) == Examined(True, DIGEST)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (asked(vk_hash=bytes(3) + b"\x01" + bytes(28)), "another program"),
        (asked(Mode.CORE), "mode COMPRESSED"),
        (asked(version="sp1-v5.0.0"), "another circuit version"),
    ],
    ids=["program", "mode", "version"],
)
def test_a_real_proof_of_something_else_is_refused(request_: Any, complaint: str):
    with pytest.raises(ProofRefused, match=complaint):
        examine(request_, network_form("compressed"))


def test_a_guest_that_failed_gives_no_proof_that_counts():
    proof = bytearray(network_form("compressed"))
    exit_code = 4 + 104 + 8 + 4 * 170
    struct.pack_into("<I", proof, exit_code, 1)
    with pytest.raises(ProofRefused, match="exit code 1"):
        examine(asked(), bytes(proof))


def test_the_form_that_the_sdk_saves_is_refused():
    with pytest.raises(ProofRefused, match="network's form"):
        examine(asked(), decode_proof(real_proof("compressed")).encode_saved())


@given(st.binary(max_size=400))
def test_any_bytes_are_examined_or_refused(data: bytes):
    with contextlib.suppress(ProofRefused):
        examine(asked(), data)
