"""Groth16 proofs, verified here: they name their program, so that its hash is enough."""

from typing import Final

from sp1tee.errors import EvidenceMalformed, HexError
from sp1tee.verify.checks import Check
from sp1tee.verify.proof import rules
from sp1tee.verify.proof.circuits import groth16_key
from sp1tee.wire.hexes import from_hex
from sp1tee.wire.proof import SnarkProof

_RULE: Final = rules.CRYPTOGRAPHY
_NUMBER: Final = 32
_HEADED: Final = 3  # exit code, recursion root and nonce precede the points


def judge_groth16(proof: SnarkProof) -> Check:
    """Verify a Groth16 proof of SP1 v6; its claims have been read before."""
    key = groth16_key(proof.sp1_version)
    if key is None:
        return _RULE.unevaluable(
            f"The Groth16 circuit of {proof.sp1_version} is not known here: nothing about this "
            "proof was verified.",
            remedy=f"Verify it with an SDK whose circuits are {proof.sp1_version}.",
        )
    inputs = [int(text) for text in proof.public_inputs]
    try:
        from sp1tee.verify.proof.groth16 import verifies  # noqa: PLC0415 - an extra, and slow

        points = _points(proof, inputs)
        valid = points is not None and verifies(key, points, inputs)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "py_ecc":
            raise
        return _RULE.unevaluable(
            "Verifying a Groth16 proof needs the package py-ecc, or SP1's verifier and the "
            "program's whole key.",
            remedy="Install it with: pip install 'sp1tee[groth16]'",
        )
    except EvidenceMalformed as error:
        return _RULE.fails(str(error))
    if points is None:
        return _RULE.fails("The proof's on-chain form states other public inputs than the proof.")
    return _judge_equation(proof, valid=valid)


def _judge_equation(proof: SnarkProof, *, valid: bool) -> Check:
    if not valid:
        return _RULE.fails(
            "The pairing equation does not hold: the proof is forged or damaged.",
            remedy="Ask for the proof again, from somebody else.",
        )
    return _RULE.passes(
        f"The pairing equation holds under SP1's Groth16 key of {proof.sp1_version}.",
        anchors=(f"SP1 {proof.mode} circuit {proof.sp1_version}", "py-ecc"),
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
