"""What a prover returned, before it is handed in: is it the proof that was asked for?

This catches the mistakes of an honest prover, before anybody pays for them or waits for a proof
that will not verify. It is no verification; `sp1tee verify proof` is.
"""

from sp1tee.errors import ClaimMismatch
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
        ProofError: it is no proof.
        ClaimMismatch: it is another one: of another kind, circuit version, program, run or
            public values, or a mock where a proof was due or the other way round.
    """
    proof = decode_proof(data, public_values_hint=task.public_values)
    if proof.mode is not task.mode:
        raise ClaimMismatch(f"The proof is a {proof.mode} proof, not {task.mode}.", claim="mode")
    if proof.sp1_version != task.version.circuit:
        raise ClaimMismatch(
            f"The proof is of circuit version {proof.sp1_version}, not {task.version.circuit}.",
            claim="circuits",
        )
    if is_mock(proof) is not mock:
        kind = "proves nothing" if is_mock(proof) else "is real, though the prover says it is not"
        raise ClaimMismatch(f"The proof {kind}.", claim="completeness")
    check_claims(proof, vk_hash=task.vk_hash, public_values=task.public_values)
