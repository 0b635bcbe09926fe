"""SP1 proofs as they travel: exact in both directions, opaque where SP1 alone knows the layout.

A proof is a u32 variant, a body, the public values (u64 length, bytes), and the circuit version
(u64 length, text). That much is ``ProofFromNetwork``, what a prover hands in and a client
downloads; ``SP1ProofWithPublicValues``, what the SDK's ``save`` and ``load`` use, ends with one
more Option of bytes, the proof of a TEE co-signer.

The body of PLONK and Groth16 is read field by field. That of Core and Compressed is not, so there
the rest is found from the end (`sp1tee.wire.stark_tail`).
"""

from dataclasses import dataclass, field

from sp1tee.errors import BincodeError, HexError, ModeError, ProofError
from sp1tee.wire.bincode import Reader, Writer
from sp1tee.wire.hexes import from_hex
from sp1tee.wire.modes import Mode
from sp1tee.wire.stark_tail import find_tail, public_values_size, read_tail
from sp1tee.wire.versions import SUPPORTED, Family, parse_circuit

VKEY_HASH_SIZE = 32

PUBLIC_INPUT_COUNT = {Family.V5: 2, Family.V6: 5}
"""How many public inputs an on-chain proof has."""

MAX_INPUT_DIGITS = 77
"""How many decimal digits a public input, a scalar of BN254, can have."""

MAX_PROOF_SIZE = 1 << 30
"""The longest proof that is handled, in bytes. Only Core proofs get long: 1.4 MB a shard."""

_VARIANT_SIZE = 4
_LENGTH_SIZE = 8
_PROOF_DIGITS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What all proofs have; see `StarkProof` and `SnarkProof`.

    Attributes:
        mode: the kind of proof.
        public_values: what the program revealed.
        sp1_version: the circuit version, e.g. ``v6.1.0``.
        tee_proof: a TEE co-signer's proof; nothing to do with private proving, usually None.
    """

    mode: Mode
    public_values: bytes = field(repr=False)
    sp1_version: str
    tee_proof: bytes | None = field(default=None, repr=False)

    @property
    def family(self) -> Family:
        """The generation of SP1 that made it; raises `VersionError` for an unknown one."""
        return parse_circuit(self.sp1_version).family

    def encode_body(self) -> bytes:
        """Encode what stands between the variant and the public values."""
        raise NotImplementedError

    def encode_network(self) -> bytes:
        """Encode it as ``ProofFromNetwork``, which has no place for `tee_proof`."""
        writer = Writer().u32(self.mode.variant).raw(self.encode_body())
        return writer.byte_string(self.public_values).string(self.sp1_version).done()

    def encode_saved(self) -> bytes:
        """Encode it as ``SP1ProofWithPublicValues``, which the SDK loads from a file."""
        writer = Writer().raw(self.encode_network()).u8(self.tee_proof is not None)
        return (writer if self.tee_proof is None else writer.byte_string(self.tee_proof)).done()

    def onchain_bytes(self) -> bytes:
        """Return what an on-chain verifier takes.

        Raises:
            ProofError: only PLONK and Groth16 proofs can be verified on chain.
        """
        raise ProofError(
            f"A {self.mode} proof cannot be verified on chain.",
            advice="Ask for mode groth16 or plonk.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StarkProof(Proof):
    """A Core or Compressed proof.

    Attributes:
        body: the shard proofs or the recursion proof, in SP1's own encoding.
    """

    body: bytes = field(repr=False)

    def encode_body(self) -> bytes:
        """Return the body as it came."""
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class SnarkProof(Proof):
    """A PLONK or Groth16 proof.

    Attributes:
        public_inputs: decimal numbers: key hash, public values digest, and from v6 on the exit
            code, the recursion root and the nonce.
        encoded_proof: the proof for on-chain verifiers, hex; empty in a mock.
        raw_proof: gnark's own form of it, hex.
        vkey_hash: SHA-256 of the circuit's verifying key, 32 bytes.
    """

    public_inputs: tuple[str, ...]
    encoded_proof: str = field(repr=False)
    raw_proof: str = field(repr=False)
    vkey_hash: bytes

    def encode_body(self) -> bytes:
        """Encode the fields in their order."""
        writer = Writer()
        for number in self.public_inputs:
            writer.string(number)
        return writer.string(self.encoded_proof).string(self.raw_proof).raw(self.vkey_hash).done()

    def onchain_bytes(self) -> bytes:
        """Return what an on-chain verifier takes; nothing for a mock, as SP1's mock verifier wants.

        Raises:
            ProofError: the encoded proof is not hex.
        """
        if not self.encoded_proof:
            return b""
        try:
            proof = from_hex(self.encoded_proof, what="encoded proof")
        except HexError:
            raise ProofError("The encoded proof is not hex digits.") from None
        return (self.tee_proof or b"") + self.vkey_hash[:4] + proof


def decode_proof(data: bytes, *, public_values_hint: bytes | None = None) -> Proof:
    """Read a proof in either encoding; encoding it the same way again gives the same bytes.

    Args:
        data: ``ProofFromNetwork`` or ``SP1ProofWithPublicValues``.
        public_values_hint: what a Core or Compressed proof's public values should be. They are
            found without it too, by the digest the proof commits to; it saves the search.

    Raises:
        ProofError: it is not a proof of a known circuit version.
    """
    try:
        variant = Reader(data).u32()
        mode = Mode.from_wire(variant + 1)
    except (BincodeError, ModeError):
        raise ProofError("This does not begin like an SP1 proof.") from None
    if mode.is_snark:
        return _decode_snark(data, mode)
    return _decode_stark(data, mode, public_values_hint)


def _decode_stark(data: bytes, mode: Mode, hint: bytes | None) -> StarkProof:
    end, tail = find_tail(data)
    split = end - public_values_size(data[_VARIANT_SIZE:end], mode, hint)
    return StarkProof(
        mode=mode,
        body=data[_VARIANT_SIZE : split - _LENGTH_SIZE],
        public_values=data[split:end],
        sp1_version=tail.sp1_version,
        tee_proof=tail.tee_proof,
    )


def _decode_snark(data: bytes, mode: Mode) -> SnarkProof:
    for family in Family:
        try:
            proof = _read_snark(Reader(data), mode, PUBLIC_INPUT_COUNT[family])
        except BincodeError:
            continue
        if any(v.circuit == proof.sp1_version for v in SUPPORTED if v.family is family):
            return proof
    known = ", ".join(version.circuit for version in SUPPORTED)
    raise ProofError(
        f"This begins like a {mode} proof, but does not follow the layout of any known version.",
        advice=f"This release reads proofs of {known}.",
    )


def _read_snark(reader: Reader, mode: Mode, input_count: int) -> SnarkProof:
    reader.u32()
    inputs = tuple(reader.string(MAX_INPUT_DIGITS) for _ in range(input_count))
    encoded, raw = reader.string(_PROOF_DIGITS), reader.string(_PROOF_DIGITS)
    vkey_hash = reader.bytes(VKEY_HASH_SIZE)
    public_values = reader.byte_string()
    tail = read_tail(reader)
    return SnarkProof(
        mode=mode,
        public_inputs=inputs,
        encoded_proof=encoded,
        raw_proof=raw,
        vkey_hash=vkey_hash,
        public_values=public_values,
        sp1_version=tail.sp1_version,
        tee_proof=tail.tee_proof,
    )
