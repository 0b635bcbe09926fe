"""Where a request is registered and settled: one interface, two implementations.

`standalone` gives out its own ids and settles with itself; `upstream` registers every request with
a Prover Network and hands the proof in there. What both have been told is already admitted
(`sp1tee.serve.admission`); what they answer is encoded, so that a network's own bytes reach the
SDK as they came.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sp1tee.serve.calls import CancelCall, ProgramCall, ProofCall, SignedCall
from sp1tee.store.records import RequestRecord

Metadata = tuple[tuple[str, str], ...]
"""Trailing metadata of a reply, ASCII."""


class Question(StrEnum):
    """Calls whose answer depends on nothing this server keeps; values are gRPC method names."""

    BALANCE = "GetBalance"
    OWNER = "GetOwner"
    PARAMS = "GetProofRequestParams"
    PROVERS = "GetProversByUptime"
    PRICE = "GetMarketPricePerPgu"


@dataclass(frozen=True, slots=True)
class StatusReply:
    """An encoded GetProofRequestStatusResponse.

    Attributes:
        encoded: the message.
        trailers: why a request failed, where there is something to say.
    """

    encoded: bytes
    trailers: Metadata = ()


class Runner(Protocol):
    """Work in the background, from start to shutdown."""

    async def run(self) -> None:
        """Work until cancelled; never ends by itself and never raises but for defects."""


class Network(Protocol):
    """Registers and settles requests. Every method may raise a `sp1tee.errors.Refusal`."""

    async def place_program(self, request: bytes) -> bytes | None:
        """Answer an admitted CreateArtifact of a program, or None to have it uploaded here."""

    async def get_program(self, vk_hash: bytes) -> bytes:
        """Answer GetProgram."""

    async def create_program(self, call: ProgramCall) -> bytes:
        """Answer CreateProgram."""

    async def nonce(self, address: bytes) -> bytes:
        """Answer GetNonce."""

    async def request_proof(self, call: ProofCall) -> bytes:
        """Answer RequestProof; the request is durable before this returns."""

    async def repeat_proof(self, record: RequestRecord, signed: SignedCall) -> bytes:
        """Answer RequestProof for a request that is known: a client's retry, or a replay."""

    async def status(self, request_id: bytes) -> StatusReply:
        """Answer GetProofRequestStatus; asked every two seconds by every client."""

    async def details(self, request_id: bytes) -> bytes:
        """Answer GetProofRequestDetails."""

    async def filtered(self, request: bytes) -> bytes:
        """Answer GetFilteredProofRequests."""

    async def cancel(self, call: CancelCall) -> bytes:
        """Answer CancelRequest."""

    async def ask(self, question: Question, request: bytes) -> bytes:
        """Answer a question about the network itself."""

    async def reachable(self) -> bool:
        """Tell whether requests can be registered now; for the readiness check."""

    async def aclose(self) -> None:
        """Close connections; runners have stopped."""
