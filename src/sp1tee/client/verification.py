"""What SP1's own verifier says about a proof that came back."""

from dataclasses import dataclass
from typing import Final

from sp1tee.client.replies import clean
from sp1tee.errors import NativeError, ProofRefuted
from sp1tee.wire.proof import Proof
from sp1tee.wire.verifier import Verifier
from sp1tee.wire.versions import Family

_UNVERIFIED: Final = "claims checked, not verified"


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a proof was verified; a refuted one is an error instead.

    Attributes:
        accepted: True: SP1's verifier accepted the proof. False: nobody asked it. None: it was
            asked, and broke.
        words: by whom, or why not.
    """

    accepted: bool | None
    words: str


MOCK: Final = Verification(accepted=False, words="a mock: there is nothing to verify")


def verify(proof: Proof, data: bytes, vk: bytes | None, judge: Verifier | None) -> Verification:
    """Ask SP1's verifier, if there is one and the program's key is known.

    Args:
        proof: the proof, whose claims have been checked.
        data: its bytes, in either encoding.
        vk: the program's whole key.
        judge: SP1's verifier.

    Raises:
        ProofRefuted: it says that the proof does not hold.
    """
    if proof.family is Family.V5:
        return _unasked("proofs of SP1 v5 take its own SDK")
    if judge is None:
        return _unasked("no sp1tee-prover here")
    if vk is None:
        return _unasked("the program's key is not known here")
    try:
        if judge.circuit != proof.sp1_version:
            return _unasked(f"the verifier is for {judge.circuit}, not for {proof.sp1_version}")
        by, reason = judge.name, judge.verify(vk, proof.public_values, data)
    except NativeError as error:
        return Verification(None, f"{_UNVERIFIED}: SP1's verifier broke. {error.message}")
    if reason:
        raise ProofRefuted(f"SP1's verifier refutes the proof: {clean(reason).rstrip('.')}.")
    return Verification(accepted=True, words=f"verified by {by}")


def _unasked(why: str) -> Verification:
    return Verification(accepted=False, words=f"{_UNVERIFIED}: {why}")
