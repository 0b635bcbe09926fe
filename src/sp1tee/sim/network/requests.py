"""A proof request as the network keeps it, and what can become of it."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Address

RequestBody = types_pb2.RequestProofRequestBody | auction_pb2.RequestProofRequestBody
Fulfillment: TypeAlias = "types_pb2.FulfillmentStatus.ValueType"
Execution: TypeAlias = "types_pb2.ExecutionStatus.ValueType"
Failure: TypeAlias = "types_pb2.ProofRequestError.ValueType"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A registered program.

    Attributes:
        vk_hash: the program's name, 32 bytes.
        vk: its verifying key, in SP1's encoding.
        uri: where its artifact is.
        owner: who registered it.
        created_at: when, Unix seconds.
    """

    vk_hash: bytes
    vk: bytes = field(repr=False)
    uri: str
    owner: Address
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request at one moment; a change makes a new one.

    Attributes:
        id: its name, 32 bytes.
        tx_hash: 32 bytes, opaque.
        requester: who signed it.
        body: what was signed, in its dialect.
        program_uri: where its program is.
        created_at: Unix seconds, as are the other times.
        updated_at: when it changed last.
        status: how far the proof is.
        execution: how far the execution is.
        fulfiller: who was assigned.
        fulfilled_at: when the proof came.
        fulfill_tx_hash: 32 bytes, opaque; set with the proof.
        proof_uri: where the proof is.
        public_values_hash: SHA-256 of the proof's public values.
        error: why it failed.
        cancelled: whether its requester took it back.
    """

    id: bytes
    tx_hash: bytes
    requester: Address
    body: RequestBody = field(repr=False)
    program_uri: str
    created_at: int
    updated_at: int
    status: Fulfillment = types_pb2.REQUESTED
    execution: Execution = types_pb2.UNEXECUTED
    fulfiller: Address | None = None
    fulfilled_at: int | None = None
    fulfill_tx_hash: bytes | None = None
    proof_uri: str | None = None
    public_values_hash: bytes | None = None
    error: Failure = types_pb2.UNSPECIFIED_PROOF_REQUEST_FAILURE
    cancelled: bool = False

    @property
    def deadline(self) -> int:
        """When the proof must be there, Unix seconds."""
        return self.body.deadline

    def assigned(self, fulfiller: Address, now: int) -> "Request":
        """Return it with a fulfiller."""
        return replace(self, status=types_pb2.ASSIGNED, fulfiller=fulfiller, updated_at=now)

    def fulfilled(
        self, *, proof_uri: str, public_values: bytes, tx_hash: bytes, now: int
    ) -> "Request":
        """Return it with its proof."""
        return replace(
            self,
            status=types_pb2.FULFILLED,
            execution=types_pb2.EXECUTED,
            proof_uri=proof_uri,
            public_values_hash=hashlib.sha256(public_values).digest(),
            fulfill_tx_hash=tx_hash,
            fulfilled_at=now,
            updated_at=now,
        )

    def failed(self, error: Failure, now: int) -> "Request":
        """Return it given up by its fulfiller."""
        unexecutable = error == types_pb2.EXECUTION_FAILURE
        return replace(
            self,
            status=types_pb2.UNFULFILLABLE,
            execution=types_pb2.UNEXECUTABLE if unexecutable else self.execution,
            error=error,
            updated_at=now,
        )

    def taken_back(self, now: int) -> "Request":
        """Return it cancelled by its requester."""
        return replace(self, status=types_pb2.UNFULFILLABLE, cancelled=True, updated_at=now)

    def expired(self, now: int) -> "Request":
        """Return it past its deadline without a proof."""
        return replace(self, status=types_pb2.EXPIRED, updated_at=now)
