"""Whether a proof is valid: the one question that its claims cannot answer.

SP1's own verifier answers it for every kind of proof of SP1 v6, where there is one and the
program's whole key. Groth16 proofs of a circuit whose verifying key ships are verified here too.
"""

from typing import Final

from sp1tee.errors import NativeError, NativeFailed
from sp1tee.verify.checks import Check
from sp1tee.verify.proof import onchain, rules
from sp1tee.verify.proof.program_key import ProgramKey
from sp1tee.wire.claims import Claims
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import Proof, SnarkProof
from sp1tee.wire.verifier import Verifier
from sp1tee.wire.versions import Family

_RULE: Final = rules.CRYPTOGRAPHY
_SHOWN: Final = 300
_NO_VERIFIER: Final = (
    "Have sp1tee-prover in SP1TEE_PROVER or on PATH, or name it with --prover-program; `just "
    "native` builds it."
)
_NO_KEY: Final = "Give the whole key (104 bytes, --vkey @FILE) or the program itself (--program)."


def judge_validity(
    proof: Proof, data: bytes, claims: Claims, key: ProgramKey, verifier: Verifier | None
) -> Check:
    """Verify a proof as far as that can be done here.

    Args:
        proof: the proof.
        data: its bytes, in either encoding.
        claims: what it says.
        key: the program that it should prove.
        verifier: SP1's own; None if there is none here.
    """
    if is_mock(proof):
        return _RULE.skips("There is nothing in a mock that could be verified.")
    if proof.family is Family.V5:
        return _RULE.unevaluable(
            f"Only SP1 v5 verifies its proofs: nothing about this one of {proof.sp1_version} was "
            "verified.",
            remedy="Verify it with the SDK of SP1 v5 (`client.verify`).",
        )
    if verifier is not None and key.whole is not None and not claims.exit_code:
        return _ask(verifier, key.whole, proof, data)
    if isinstance(proof, SnarkProof) and proof.mode is Mode.GROTH16:
        return onchain.judge_groth16(proof)
    return _unasked(proof, claims, key, verifier)


def _ask(verifier: Verifier, vk: bytes, proof: Proof, data: bytes) -> Check:
    try:
        if verifier.circuit != proof.sp1_version:
            return _RULE.unevaluable(
                f"The verifier here is for proofs of {verifier.circuit}, and this one is of "
                f"{proof.sp1_version}: nothing about it was verified.",
                remedy=f"Verify it with an SDK whose circuits are {proof.sp1_version}.",
            )
        reason = verifier.verify(vk, proof.public_values, data)
        anchors = (f"SP1 {proof.mode} circuit {proof.sp1_version}", verifier.name)
    except NativeError as error:
        return _broke(error)
    if reason:
        return _RULE.fails(
            f"SP1's verifier refutes it: {_clean(reason)}.",
            anchors=anchors,
            remedy="Compare the program's key; then ask for the proof again, from somebody else.",
        )
    return _RULE.passes("SP1's verifier accepts it under this program's key.", anchors=anchors)


def _broke(error: NativeError) -> Check:
    """Say that there was no answer. Nothing that the verifier was given is secret."""
    said = _clean(error.text) if isinstance(error, NativeFailed) else ""
    return _RULE.unevaluable(
        f"SP1's verifier did not come to an end: {error.message}",
        details=(f"It said: {said}",) if said else (),
        reason=error.code,
        remedy=error.advice or "Try again; a proof that always does this is no proof.",
    )


def _unasked(proof: Proof, claims: Claims, key: ProgramKey, verifier: Verifier | None) -> Check:
    """Name what is missing for SP1's verifier to be asked."""
    if claims.exit_code:
        return _RULE.unevaluable(
            "SP1 verifies only proofs of runs that succeeded: nothing about this one was verified."
        )
    if verifier is None:
        return _RULE.unevaluable(
            f"Only SP1 itself can verify a {proof.mode} proof, and its verifier is not here: "
            "nothing about this one was verified.",
            remedy=_NO_VERIFIER if key.whole else f"{_NO_VERIFIER} {_NO_KEY}",
        )
    return _RULE.unevaluable(
        "SP1's verifier takes the program's whole key, and only its hash was given: nothing about "
        "this proof was verified.",
        remedy=_NO_KEY,
    )


def _clean(text: str) -> str:
    """Make what a verifier says one printable line that is not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:_SHOWN]).split())
    return line.rstrip(".")
