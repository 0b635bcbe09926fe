"""Mock proofs: right shape, right claims, nothing proved.

They are what SP1's own mock prover makes (SP1 v6, crates/sdk/src/proof.rs, create_mock_proof), so
that an application can be tried end to end. Every verifier but SP1's mock one refuses them.

Compressed is missing: a Compressed mock holds a whole recursion proof with a shape that SP1's
decoder checks, which only SP1 can make.
"""

from sp1tee.errors import UnsupportedMock
from sp1tee.wire.commitment import digests, masked
from sp1tee.wire.keys import hash_bn254
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import (
    PUBLIC_INPUT_COUNT,
    VKEY_HASH_SIZE,
    Proof,
    SnarkProof,
    StarkProof,
)
from sp1tee.wire.versions import CircuitVersion, Family, latest

_NO_SHARDS = bytes(8)


def mock_proof(
    mode: Mode,
    family: Family,
    vk_hash: bytes,
    public_values: bytes,
    *,
    version: CircuitVersion | None = None,
) -> Proof:
    """Make a mock proof.

    Args:
        mode: Core, PLONK or Groth16.
        family: the generation of SP1 it should look like, unless `version` is given.
        vk_hash: the program, as the network names it.
        public_values: what its execution revealed.
        version: the circuit version it should carry; without it the family's newest. Clients
            refuse a proof of another version than their own.

    Raises:
        UnsupportedMock: there is no mock of a Compressed proof.
        VerifyingKeyError: `vk_hash` is not a key hash.
    """
    version = version or latest(family)
    if mode is Mode.COMPRESSED:
        raise UnsupportedMock("A compressed proof cannot be imitated: only SP1 can make its shape.")
    if mode is Mode.CORE:
        return StarkProof(
            mode=mode, body=_NO_SHARDS, public_values=public_values, sp1_version=version.circuit
        )
    return SnarkProof(
        mode=mode,
        public_inputs=_public_inputs(version.family, vk_hash, public_values),
        encoded_proof="",
        raw_proof="",
        vkey_hash=bytes(VKEY_HASH_SIZE),
        public_values=public_values,
        sp1_version=version.circuit,
    )


def is_mock(proof: Proof) -> bool:
    """Tell whether a proof proves nothing: no shards, or neither form of the on-chain proof."""
    if isinstance(proof, SnarkProof):
        return not (proof.encoded_proof or proof.raw_proof)
    return isinstance(proof, StarkProof) and proof.mode is Mode.CORE and proof.body == _NO_SHARDS


def _public_inputs(family: Family, vk_hash: bytes, public_values: bytes) -> tuple[str, ...]:
    sha256, _ = digests(public_values)
    claims = (hash_bn254(vk_hash), int.from_bytes(masked(sha256), "big"))
    zeros = (0,) * (PUBLIC_INPUT_COUNT[family] - len(claims))
    return tuple(str(number) for number in (*claims, *zeros))
