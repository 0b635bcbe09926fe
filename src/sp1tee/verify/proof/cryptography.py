"""Whether a proof is valid: the one question that its claims cannot answer.

Groth16 proofs of a circuit whose verifying key ships are verified here. Every other kind takes
SP1's own verifier.
"""

from sp1tee.errors import EvidenceMalformed, HexError
from sp1tee.verify.checks import Check
from sp1tee.verify.proof import rules
from sp1tee.verify.proof.circuits import groth16_key
from sp1tee.wire.hexes import from_hex
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof, SnarkProof

_NUMBER = 32
_HEADED = 3  # exit code, recursion root and nonce precede the points
_ELSEWHERE = (
    "Verify it with SP1's SDK (`client.verify`), or ask for a Groth16 proof of SP1 v6.1.0, which "
    "this command verifies itself."
)


def judge_validity(proof: Proof) -> Check:
    """Verify a proof as far as that can be done here; its claims have been read before."""
    rule = rules.CRYPTOGRAPHY
    if is_mock(proof):
        return rule.skips("There is nothing in a mock that could be verified.")
    key = groth16_key(proof.sp1_version) if proof.mode is Mode.GROTH16 else None
    if key is None or not isinstance(proof, SnarkProof):
        return rule.unevaluable(
            f"Only SP1 itself can verify a {proof.mode} proof of {proof.sp1_version}: "
            "nothing about this one was verified.",
            remedy=_ELSEWHERE,
        )
    return _groth16(proof, key)


def _groth16(proof: SnarkProof, key: bytes) -> Check:
    rule = rules.CRYPTOGRAPHY
    inputs = [int(text) for text in proof.public_inputs]
    try:
        from sp1tee.verify.proof.groth16 import verifies  # noqa: PLC0415 - an extra, and slow

        points = _points(proof, inputs)
        valid = points is not None and verifies(key, points, inputs)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "py_ecc":
            raise
        return rule.unevaluable(
            "Verifying a Groth16 proof needs the package py-ecc, which is not installed.",
            remedy="Install it with: pip install 'sp1tee[groth16]'",
        )
    except EvidenceMalformed as error:
        return rule.fails(str(error))
    if points is None:
        return rule.fails("The proof's on-chain form states other public inputs than the proof.")
    if not valid:
        return rule.fails(
            "The pairing equation does not hold: the proof is forged or damaged.",
            remedy="Ask for the proof again, from somebody else.",
        )
    return rule.passes(
        f"The pairing equation holds under SP1's Groth16 key of {proof.sp1_version}.",
        anchors=(f"SP1 Groth16 circuit {proof.sp1_version}",),
    )


def _points(proof: SnarkProof, inputs: list[int]) -> bytes | None:
    """Return the points in the on-chain form; None if the inputs before them are others.

    Raises:
        EvidenceMalformed: it is not hex.
    """
    try:
        encoded = from_hex(proof.encoded_proof, what="encoded proof")
    except HexError as error:
        raise EvidenceMalformed(str(error)) from None
    heads = b"".join(number.to_bytes(_NUMBER, "big") for number in inputs[-_HEADED:])
    return encoded[len(heads) :] if encoded.startswith(heads) else None
