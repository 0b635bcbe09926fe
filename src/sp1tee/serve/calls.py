"""Calls that were checked: what admission hands to a network."""

from dataclasses import dataclass

from sp1tee.store.records import Artifact, NewRequest
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Address
from sp1tee.wire.versions import CircuitVersion

AnyBody = types_pb2.RequestProofRequestBody | auction_pb2.RequestProofRequestBody
"""A decoded body, for reading only: encoding it again may give other bytes."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A signed envelope and who signed it.

    Attributes:
        signer: recovered from the signature over exactly `body`.
        signature: 65 bytes, as they came.
        body: the encoded body, as it came.
    """

    signer: Address
    signature: bytes
    body: bytes

    def envelope(self) -> bytes:
        """Encode the envelope again, from its three fields alone."""
        return types_pb2.SignedRequest(
            format=types_pb2.BINARY, signature=self.signature, body=self.body
        ).SerializeToString()


@dataclass(frozen=True, slots=True)
class ProgramCall:
    """A CreateProgram that was checked."""

    signed: SignedCall
    body: types_pb2.CreateProgramRequestBody


@dataclass(frozen=True, slots=True)
class CancelCall:
    """A CancelRequest that was checked."""

    signed: SignedCall
    request_id: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class ProofCall:
    """A RequestProof that was checked.

    Attributes:
        signed: the envelope.
        fingerprint: what makes two calls the same request: signer and body without its nonce.
        dialect: which of the two body messages it is.
        body: the decoded body.
        version: the circuit version asked for.
        mode: the kind of proof asked for.
        stdin: the uploaded input, one of ours.
    """

    signed: SignedCall
    fingerprint: bytes
    dialect: Dialect
    body: AnyBody
    version: CircuitVersion
    mode: Mode
    stdin: Artifact

    def to_store(
        self,
        *,
        program_owner: bytes,
        request_id: bytes | None = None,
        tx_hash: bytes | None = None,
    ) -> NewRequest:
        """Write it down as the store keeps it.

        Args:
            program_owner: whose registration of the program is to run.
            request_id: the network's id, if known by now.
            tx_hash: likewise.
        """
        return NewRequest(
            fingerprint=self.fingerprint,
            requester=self.signed.signer,
            dialect=self.dialect.value,
            signature=self.signed.signature,
            body=self.signed.body,
            vk_hash=self.body.vk_hash,
            program_owner=program_owner,
            version=self.version.text,
            mode=self.mode,
            strategy=self.body.strategy,
            stdin_artifact=self.stdin.id,
            deadline=self.body.deadline,
            cycle_limit=self.body.cycle_limit,
            gas_limit=self.body.gas_limit,
            nonce=self.body.nonce,
            request_id=request_id,
            tx_hash=tx_hash,
        )
