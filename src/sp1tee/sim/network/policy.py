"""What may be chosen freely about a network: who proves, when, and with what it refuses."""

from dataclasses import dataclass
from typing import Literal

from sp1tee.sim.network.requests import RequestBody
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import Address

RefusalStatus = Literal[
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "INTERNAL",
    "UNAVAILABLE",
]
"""Names of the gRPC statuses a broken rule may be answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Whom requests are assigned to, and when; and what broken rules are answered with.

    Attributes:
        fulfiller: who gets RESERVED and AUCTION requests.
        hosted: who gets HOSTED ones.
        delay_s: seconds until then; None: not until told.
        stale_nonce: status for a nonce that is not the account's next.
        wrong_state: status for a change that a request's state does not allow.
    """

    fulfiller: Address | None
    hosted: Address | None
    delay_s: float | None
    stale_nonce: RefusalStatus
    wrong_state: RefusalStatus

    def choose(self, body: RequestBody) -> Address | None:
        """Choose who proves a request; nobody outside its whitelist, if it has one."""
        hosted = body.strategy == types_pb2.HOSTED
        chosen = self.hosted if hosted else self.fulfiller
        return None if body.whitelist and chosen not in body.whitelist else chosen
