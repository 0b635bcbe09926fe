"""What is proved in a chaos run, and what holds as a proof of it.

The guest is ``solvency``; every request has a public amount of its own, so that two proofs that
were mixed up would be told apart. Mock provers prove nothing. The stand-in prover's proofs carry a
seal that anybody here can make again: to this run it is what SP1's verifier is to a real one.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from sp1tee import guests
from sp1tee.errors import WireError
from sp1tee.wire.claims import RECURSION_ROOTS, check_claims
from sp1tee.wire.keys import hash_bn254, vk_hash_v6
from sp1tee.wire.mock_proof import is_mock, mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof, decode_proof
from sp1tee.wire.stdin import Stdin, decode_stdin
from sp1tee.wire.versions import Family, latest

MODE: Final = Mode.GROTH16
CIRCUIT: Final = latest(Family.V6).circuit
VERSION: Final = latest(Family.V6).text
MARKER_BALANCES: Final = 8
"""How many of an input's balances are the same in a whole epoch: what is looked for afterwards."""

_U64: Final = 8
_ROOT_INPUT: Final = 3  # behind key hash, public values digest and exit code


@cache
def guest() -> guests.Guest:
    """The program."""
    return guests.load("solvency", Family.V6)


@cache
def vk_hash() -> bytes:
    """The network's name for it."""
    return vk_hash_v6(guest().vk or b"")


@dataclass(frozen=True, slots=True)
class Marker:
    """Balances that stand in every input of an epoch, and must stand nowhere else."""

    balances: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "Marker":
        """Make up balances; each leaves room for the sum of all."""
        return cls(b"".join(secrets.token_bytes(_U64 - 1) + b"\0" for _ in range(MARKER_BALANCES)))

    def input(self, amount: int) -> Stdin:
        """Make an input whose public amount is covered."""
        own = (amount + secrets.randbits(32)).to_bytes(_U64, "little")
        return Stdin.of(amount.to_bytes(_U64, "little"), self.balances + own)


def public_values(amount: int) -> bytes:
    """What the guest reveals of a covered amount."""
    return amount.to_bytes(_U64, "little") + b"\x01"


def revealed_by(stdin: bytes) -> bytes:
    """What the guest reveals of an encoded input of this run."""
    return public_values(int.from_bytes(decode_stdin(stdin).buffers[0], "little"))


def mock(values: bytes) -> bytes:
    """Make what a mock prover hands in."""
    return mock_proof(MODE, Family.V6, vk_hash(), values).encode_network()


def sealed(values: bytes, *, seal: bytes | None = None) -> bytes:
    """Make what the stand-in prover hands in; another `seal` makes a proof that does not hold."""
    made = mock_proof(MODE, Family.V6, vk_hash(), values)
    assert isinstance(made, SnarkProof)
    inputs = list(made.public_inputs)
    inputs[_ROOT_INPUT] = str(hash_bn254(RECURSION_ROOTS[CIRCUIT]))
    shown = (_seal(values) if seal is None else seal).hex()
    whole = replace(made, public_inputs=tuple(inputs), encoded_proof=shown, raw_proof=shown)
    return whole.encode_network()


def why_not(data: bytes, values: bytes) -> str:
    """Say why a proof does not hold for these public values; empty if it does."""
    try:
        proof = decode_proof(data)
        check_claims(proof, vk_hash=vk_hash(), public_values=values)
    except WireError as error:
        return error.message
    assert isinstance(proof, SnarkProof)
    if is_mock(proof) or proof.encoded_proof == _seal(values).hex():
        return ""
    return "The seal is not the prover's."


def _seal(values: bytes) -> bytes:
    return hashlib.sha256(b"sp1tee chaos" + vk_hash() + values).digest()
