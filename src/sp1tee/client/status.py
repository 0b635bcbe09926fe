"""How far a request is, and what its end means."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sp1tee.errors import (
    BadReply,
    RequestExpired,
    RequestFailed,
    Unexecutable,
    Unfulfillable,
    WaitTimeout,
)
from sp1tee.wire.pb import types_pb2


class Fulfillment(StrEnum):
    """How far the proof is; the names of the network's ``FulfillmentStatus``."""

    REQUESTED = "requested"
    ASSIGNED = "assigned"
    FULFILLED = "fulfilled"
    UNFULFILLABLE = "unfulfillable"
    REVERTED = "reverted"
    EXPIRED = "expired"


class Execution(StrEnum):
    """How far the execution is; the names of the network's ``ExecutionStatus``."""

    UNKNOWN = "unknown"
    UNEXECUTED = "unexecuted"
    EXECUTED = "executed"
    UNEXECUTABLE = "unexecutable"
    VALIDATION_FAILED = "validation failed"


_FULFILLMENT: Final = {
    types_pb2.REQUESTED: Fulfillment.REQUESTED,
    types_pb2.ASSIGNED: Fulfillment.ASSIGNED,
    types_pb2.FULFILLED: Fulfillment.FULFILLED,
    types_pb2.UNFULFILLABLE: Fulfillment.UNFULFILLABLE,
    types_pb2.REVERTED: Fulfillment.REVERTED,
    types_pb2.EXPIRED: Fulfillment.EXPIRED,
}
_EXECUTION: Final = {
    types_pb2.UNEXECUTED: Execution.UNEXECUTED,
    types_pb2.EXECUTED: Execution.EXECUTED,
    types_pb2.UNEXECUTABLE: Execution.UNEXECUTABLE,
    types_pb2.VALIDATION_FAILED: Execution.VALIDATION_FAILED,
}


@dataclass(frozen=True, slots=True)
class Status:
    """What a server says about a request.

    Attributes:
        fulfillment: how far the proof is.
        execution: how far the execution is.
        deadline: when the request ends, Unix seconds.
        reason: why it failed, in the server's words; empty if it sent none.
        code: the stable code of that reason; empty likewise.
        proof_url: where the proof is once there is one. Whoever knows it can fetch the proof.
    """

    fulfillment: Fulfillment
    execution: Execution
    deadline: int
    reason: str = ""
    code: str = ""
    proof_url: str | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the request."""
        return self.fulfillment not in (Fulfillment.REQUESTED, Fulfillment.ASSIGNED)

    def raise_if_failed(self, now: float) -> None:
        """Judge it in the order in which the SDK does.

        Raises:
            Unexecutable: the program does not run to its end.
            Unfulfillable: nobody can make this proof.
            RequestExpired: the network ended it at its deadline.
            WaitTimeout: the deadline has passed, and the network has not said that it ended.
        """
        if self.fulfillment is Fulfillment.FULFILLED:
            return
        if self.execution is Execution.UNEXECUTABLE:
            raise self._because(Unexecutable, "The program does not run to its end on this input.")
        if self.fulfillment is Fulfillment.UNFULFILLABLE:
            raise self._because(Unfulfillable, "The proof cannot be made.")
        if self.fulfillment is Fulfillment.REVERTED:
            raise self._because(Unfulfillable, "The network took the proof back.")
        if self.fulfillment is Fulfillment.EXPIRED:
            raise self._because(RequestExpired, "The request's deadline came before its proof.")
        if self.deadline < now:
            raise WaitTimeout(
                "The request's deadline has passed and the server still works on it.",
                advice="Ask `sp1tee status` whether it got done; if not, send it again with a "
                "longer --timeout.",
            )

    def _because(self, kind: type[RequestFailed], otherwise: str) -> RequestFailed:
        return kind(self.reason or otherwise)


def read_status(
    reply: types_pb2.GetProofRequestStatusResponse, *, reason: str = "", code: str = ""
) -> Status:
    """Read a status reply and the notes that came with it.

    Raises:
        BadReply: it names a state that this release does not know.
    """
    fulfillment = _FULFILLMENT.get(reply.fulfillment_status)
    if fulfillment is None:
        raise BadReply(
            f"The server names a state that does not exist ({reply.fulfillment_status}).",
            advice="Update sp1tee if the server is newer.",
        )
    return Status(
        fulfillment=fulfillment,
        execution=_EXECUTION.get(reply.execution_status, Execution.UNKNOWN),
        deadline=reply.deadline,
        reason=reason,
        code=code,
        proof_url=reply.proof_uri or None,
    )
