"""What a proof says it proves, read without any cryptography.

This is no verification: whoever can forge a proof can forge its claims. It catches the mistakes
of honest machines, before they are paid for: another program, another input, a guest that
panicked, a prover with other circuits.

Where the claims stand (field elements are u32, little-endian):

- PLONK, Groth16: the public inputs.
- Compressed v6: behind the recursion program's key (104 bytes), 187 elements.
- Compressed v5: the last 231 elements.
- Core v6: each shard begins with 187 elements. Where the last shard begins cannot be told, but it
  is the last one to hold the digest of the public values.
- Core v5: the last 231 elements are those of the last shard.

Neither a Core proof nor its claims name the program.
"""

import struct
from dataclasses import dataclass

from sp1tee.errors import ClaimMismatch, ProofError, VerifyingKeyError
from sp1tee.wire.commitment import DIGEST_SIZE, as_elements, digests, masked
from sp1tee.wire.keys import HASH_SIZE, VK_V6_SIZE, vk_hash_from_bytes32
from sp1tee.wire.mock_proof import is_mock
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import (
    MAX_INPUT_DIGITS,
    PUBLIC_INPUT_COUNT,
    Proof,
    SnarkProof,
    StarkProof,
)
from sp1tee.wire.versions import Family

BN254_ORDER = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
"""The order of the BN254 curve, whose scalars the public inputs of on-chain proofs are."""

RECURSION_ROOTS = {
    "v6.1.0": struct.pack(
        ">8I",
        *(398624628, 1713754971, 402770457, 1350650633),
        *(1174593494, 2031727777, 778338720, 1475498834),
    ),
}
"""Root of the tree of allowed recursion programs, by circuit version, in the form of a vk_hash."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a proof says. None where its kind of proof does not say it readably.

    Attributes:
        vk_hash: the program, as the network names it. None for Core.
        public_values_digest: 32 bytes; of PLONK and Groth16 the three highest bits are cleared.
            None for the mock of a Core proof, which is empty.
        exit_code: how the guest ended; 0 is success. None for v5 PLONK and Groth16, and for
            that mock.
        complete: whether recursion covered all shards. Only Compressed says it.
        recursion_root: the allowed recursion programs, 32 bytes; said by Compressed and by v6
            PLONK and Groth16 (zeros in a mock).
    """

    vk_hash: bytes | None = None
    public_values_digest: bytes | None = None
    exit_code: int | None = None
    complete: bool | None = None
    recursion_root: bytes | None = None


_DIGEST = 32  # as many elements as a digest has bytes
_WORDS = 8  # as many elements as a key hash has


@dataclass(frozen=True, slots=True)
class _Layout:
    """A vector of public field elements: its length, and where in it each claim stands."""

    length: int
    digest: int
    exit_code: int
    vk_hash: int = 0
    recursion_root: int = 0
    complete: int = 0

    @property
    def size(self) -> int:
        return 8 + 4 * self.length


# SP1 v6: crates/hypercube/src/air/public_values.rs, crates/recursion/executor/src/public_values.rs.
# SP1 v5: crates/stark/src/air/public_values.rs, crates/recursion/core/src/air/public_values.rs.
_CORE_V6 = _Layout(length=187, digest=32, exit_code=87)
_CORE_V5 = _Layout(length=231, digest=0, exit_code=42)
_COMPRESSED_V6 = _Layout(187, 32, exit_code=170, vk_hash=136, recursion_root=144, complete=168)
_COMPRESSED_V5 = _Layout(231, 0, exit_code=222, vk_hash=190, recursion_root=198, complete=220)
_FIRST_SHARD = 8  # behind the number of shards


def read_claims(proof: Proof) -> Claims:
    """Read what a proof says it proves.

    Raises:
        ProofError: the claims are not where they should be, or are no field elements.
        VersionError: the proof is of an unknown circuit version.
    """
    if isinstance(proof, SnarkProof):
        return _snark_claims(proof)
    assert isinstance(proof, StarkProof)
    if proof.mode is Mode.COMPRESSED:
        return _compressed_claims(proof)
    return Claims() if is_mock(proof) else _core_claims(proof)


def check_claims(proof: Proof, *, vk_hash: bytes, public_values: bytes) -> None:
    """Compare what a proof says with what was asked for.

    Args:
        proof: the proof.
        vk_hash: the program, as the network names it.
        public_values: what its execution revealed.

    Raises:
        ClaimMismatch: it proves something else; its `claim` says which part.
        ProofError: its claims cannot be read.
        VersionError: it is of an unknown circuit version.
    """
    claims = read_claims(proof)
    if claims.vk_hash not in (None, vk_hash):
        raise ClaimMismatch("The proof is of another program.", claim="program")
    if claims.exit_code not in (None, 0):
        raise ClaimMismatch(
            f"The proof is of a run that ended with exit code {claims.exit_code}.",
            claim="exit code",
            advice="The program failed on this input: execute it alone to see why.",
        )
    _check_public_values(proof, claims, public_values)
    if claims.complete is False:
        raise ClaimMismatch("The proof covers only a part of the run.", claim="completeness")
    _check_circuits(proof, claims)


def _check_public_values(proof: Proof, claims: Claims, expected: bytes) -> None:
    if proof.public_values != expected:
        raise ClaimMismatch("The proof carries other public values.", claim="public values")
    if claims.public_values_digest is None:
        return
    accepted = digests(expected)
    if proof.mode.is_snark:
        accepted = (masked(accepted[0]), masked(accepted[1]))
    if claims.public_values_digest not in accepted:
        raise ClaimMismatch("The proof commits to other public values.", claim="public values")


def _check_circuits(proof: Proof, claims: Claims) -> None:
    released = RECURSION_ROOTS.get(proof.sp1_version)
    if released is None or claims.recursion_root is None or is_mock(proof):
        return
    if claims.recursion_root != released:
        raise ClaimMismatch(
            "The proof was made with other circuits than the released ones.",
            claim="circuits",
            advice="Run the prover with SP1's released circuits (SP1_CIRCUIT_MODE unset).",
        )


def _snark_claims(proof: SnarkProof) -> Claims:
    if len(proof.public_inputs) != PUBLIC_INPUT_COUNT[proof.family]:
        raise ProofError("The proof has the wrong number of public inputs.")
    key, digest, *more = (_scalar(text) for text in proof.public_inputs)
    exit_code, root = more[:2] if more else (None, None)
    return Claims(
        vk_hash=_unpacked(key),
        public_values_digest=digest.to_bytes(DIGEST_SIZE, "big"),
        exit_code=exit_code,
        recursion_root=None if root is None else _unpacked(root),
    )


def _compressed_claims(proof: StarkProof) -> Claims:
    if proof.family is Family.V6:
        layout, start = _COMPRESSED_V6, VK_V6_SIZE
    else:
        layout, start = _COMPRESSED_V5, len(proof.body) - _COMPRESSED_V5.size
    elements = _vector(proof.body, start, layout)
    return Claims(
        vk_hash=_words(elements, layout.vk_hash),
        public_values_digest=_digest(elements, layout),
        exit_code=elements[layout.exit_code],
        complete=elements[layout.complete] == 1,
        recursion_root=_words(elements, layout.recursion_root),
    )


def _core_claims(proof: StarkProof) -> Claims:
    if proof.family is Family.V6:
        layout, start = _CORE_V6, _last_shard(proof)
    else:
        layout, start = _CORE_V5, len(proof.body) - _CORE_V5.size
    elements = _vector(proof.body, start, layout)
    return Claims(
        public_values_digest=_digest(elements, layout), exit_code=elements[layout.exit_code]
    )


def _last_shard(proof: StarkProof) -> int:
    """Find the last v6 shard that holds the digest of the proof's own public values.

    Where none does, the first shard speaks for the proof: its digest is then another one.
    """
    patterns = map(as_elements, digests(proof.public_values))
    last = max(proof.body.rfind(pattern) for pattern in patterns)
    start = last - 4 * _CORE_V6.digest - 8
    return max(_FIRST_SHARD, start)


def _vector(body: bytes, start: int, layout: _Layout) -> tuple[int, ...]:
    if start < 0 or len(body) < start + layout.size:
        raise ProofError("The proof is too short to hold its claims.")
    (length,) = struct.unpack_from("<Q", body, start)
    if length != layout.length:
        raise ProofError("The proof's claims are not where they should be.")
    return struct.unpack_from(f"<{layout.length}I", body, start + 8)


def _digest(elements: tuple[int, ...], layout: _Layout) -> bytes:
    digest = elements[layout.digest : layout.digest + _DIGEST]
    if max(digest) > 0xFF:  # noqa: PLR2004 - the largest byte
        raise ProofError("The proof commits to something that is no digest.")
    return bytes(digest)


def _words(elements: tuple[int, ...], start: int) -> bytes:
    return struct.pack(">8I", *elements[start : start + _WORDS])


def _scalar(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= MAX_INPUT_DIGITS
    if not digits or (number := int(text)) >= BN254_ORDER:
        raise ProofError("A public input of the proof is no scalar of BN254.")
    return number


def _unpacked(number: int) -> bytes:
    try:
        return vk_hash_from_bytes32(number.to_bytes(HASH_SIZE, "big"))
    except VerifyingKeyError:
        raise ProofError("A public input of the proof is no key hash.") from None
