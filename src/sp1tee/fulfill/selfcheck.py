"""What a prover returned, before it is handed in: is it the proof that was asked for?

This catches the mistakes of an honest prover, before anybody pays for them or waits for a proof
that will not verify. It is no verification; `sp1tee verify proof` is.
"""

from sp1tee.errors import ProofError
from sp1tee.fulfill.provers import ProveTask
from sp1tee.wire.claims import check_claims
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.proof import decode_proof


def check_proof(data: bytes, task: ProveTask, *, mock: bool) -> None:
    """Compare a proof with its task.

    Args:
        data: what the prover returned.
        task: what it was given.
        mock: whether it says of itself that its proofs prove nothing.

    Raises:
        ProofError: it is no proof, one of another kind or circuit version, or a mock where a
            proof was due or the other way round.
        ClaimMismatch: it proves something else: another program, run or public values.
    """
    proof = decode_proof(data, public_values_hint=task.public_values)
    if (proof.mode, proof.sp1_version) != (task.mode, task.version.circuit):
        raise ProofError(
            f"It is a {proof.mode} proof of {proof.sp1_version} instead of a {task.mode} proof of "
            f"{task.version.circuit}."
        )
    if is_mock(proof) is not mock:
        told = "but proves nothing" if is_mock(proof) else "but was called a mock"
        raise ProofError(f"It is a {proof.mode} proof, {told}.")
    check_claims(proof, vk_hash=task.vk_hash, public_values=task.public_values)
