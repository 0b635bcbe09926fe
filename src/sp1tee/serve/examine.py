"""Does a worker's proof say what was asked for? No cryptography: an honest worker's mistakes."""

from dataclasses import dataclass
from hashlib import sha256

from sp1tee.errors import ProofRefused, WireError
from sp1tee.store.records import RequestRecord
from sp1tee.wire.claims import check_claims
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.proof import Proof, decode_proof
from sp1tee.wire.versions import parse_version


@dataclass(frozen=True, slots=True)
class Examined:
    """What a proof turned out to be.

    Attributes:
        mock: it proves nothing.
        public_values_hash: sha256 of the public values it carries.
    """

    mock: bool
    public_values_hash: bytes


def examine(record: RequestRecord, data: bytes) -> Examined:
    """Check a proof against the request it should answer.

    Args:
        record: the request.
        data: ProofFromNetwork bytes.

    Raises:
        ProofRefused: it is no proof, or one of something else.
    """
    try:
        proof = decode_proof(data)
        _check_kind(record, proof)
        check_claims(proof, vk_hash=record.vk_hash, public_values=proof.public_values)
    except WireError as error:
        raise ProofRefused(error.message, advice=error.advice) from None
    if proof.encode_network() != data:
        raise ProofRefused("The proof is not in the network's form.", advice="Send no file form.")
    return Examined(is_mock(proof), sha256(proof.public_values).digest())


def _check_kind(record: RequestRecord, proof: Proof) -> None:
    if proof.mode != record.mode:
        raise ProofRefused(f"The proof is of mode {proof.mode.name}, another one was asked for.")
    if proof.sp1_version != parse_version(record.version).circuit:
        raise ProofRefused("The proof is of another circuit version than was asked for.")
