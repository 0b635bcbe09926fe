"""What can be made to go wrong, on demand and exactly as often as asked for.

A fault of calls names a gRPC method (``FulfillProof``), ``PUT`` or ``GET`` for the artifact
listener, or ``*`` for every gRPC method. The others change the network itself. All of them can be
given as settings, through `SimNetwork.inject`, or as JSON to ``/faults``.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter

from sp1tee.errors import NetworkRefusal

EVERY_METHOD: Final = "*"
HTTP_METHODS = frozenset({"PUT", "GET"})

Method = Literal[
    "*",
    "PUT",
    "GET",
    "CreateArtifact",
    "CreateProgram",
    "RequestProof",
    "CancelRequest",
    "FulfillProof",
    "FailFulfillment",
    "GetStdinUri",
    "GetNonce",
    "GetProgram",
    "GetProofRequestStatus",
    "GetProofRequestDetails",
    "GetFilteredProofRequests",
    "GetBalance",
    "GetOwner",
    "GetProofRequestParams",
    "GetProversByUptime",
    "GetMarketPricePerPgu",
]
Status = Literal["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED"]


AddressBytes = Annotated[bytes, Field(min_length=20, max_length=20)]
RequestId = Annotated[bytes, Field(min_length=32, max_length=32)]


class _Model(BaseModel):
    """Bytes are hex digits in JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", val_json_bytes="hex", ser_json_bytes="hex"
    )


class Delay(_Model):
    """Calls wait before they are looked at: `seconds`, or until the fault is lifted."""

    fault: Literal["delay"] = "delay"
    method: Method = EVERY_METHOD
    calls: PositiveInt | None = None
    seconds: float | None = Field(default=None, ge=0)


class Answer(_Model):
    """Calls are answered with an error and change nothing."""

    fault: Literal["answer"] = "answer"
    method: Method = EVERY_METHOD
    calls: PositiveInt | None = 1
    status: Status = "UNAVAILABLE"


class LoseReply(_Model):
    """Calls take effect, but their reply is lost: an error, or with `drop` broken connections.

    Connections break on the gRPC listener only; the artifact listener answers 503.
    """

    fault: Literal["lose_reply"] = "lose_reply"
    method: Method = EVERY_METHOD
    calls: PositiveInt | None = 1
    status: Status = "UNAVAILABLE"
    drop: bool = False


class NonceRace(_Model):
    """Right after GetNonce has answered, somebody else uses that nonce."""

    fault: Literal["nonce_race"] = "nonce_race"
    calls: PositiveInt | None = 1

    @property
    def method(self) -> Method:
        """The one call it happens to."""
        return "GetNonce"


class Outage(_Model):
    """Every call is UNAVAILABLE; with `closed` nobody even listens."""

    fault: Literal["outage"] = "outage"
    closed: bool = False


class Assignment(_Model):
    """From now on requests go to `fulfiller` after `delay_s` seconds; None: to nobody, never."""

    fault: Literal["assignment"] = "assignment"
    fulfiller: AddressBytes | None = None
    delay_s: float | None = Field(default=0.0, ge=0)


class Assign(_Model):
    """A waiting request is assigned now."""

    fault: Literal["assign"] = "assign"
    request_id: RequestId
    fulfiller: AddressBytes


class BurnNonce(_Model):
    """Somebody else uses an account's next nonce, `times` times."""

    fault: Literal["burn_nonce"] = "burn_nonce"
    address: AddressBytes
    times: int = Field(default=1, ge=1, le=10_000)


CallFault = Delay | Answer | LoseReply | NonceRace
NetworkFault = Outage | Assignment | Assign | BurnNonce
Fault = CallFault | NetworkFault

FAULT: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])
"""Reads a fault from JSON."""


F = TypeVar("F", bound=CallFault)


@dataclass(slots=True)
class _Active:
    """A fault of calls and how many it still concerns; None: all until lifted."""

    fault: CallFault
    left: int | None

    def concerns(self, method: str) -> bool:
        wanted = self.fault.method
        return wanted == method or (wanted == EVERY_METHOD and method not in HTTP_METHODS)


class Faults:
    """The faults of calls that are in force."""

    def __init__(self) -> None:
        self._active: list[_Active] = []
        self._lifted = asyncio.Event()
        self.outage = False

    def add(self, fault: CallFault) -> None:
        """Put a fault in force, behind those that are already."""
        self._active.append(_Active(fault, fault.calls))

    def lift(self) -> None:
        """End all faults and let go of the calls that wait."""
        self._active.clear()
        self.outage = False
        self._lifted.set()
        self._lifted = asyncio.Event()

    def in_force(self) -> tuple[CallFault, ...]:
        """Return the faults that are in force."""
        return tuple(active.fault for active in self._active)

    async def before(self, method: str) -> None:
        """Let happen what happens to a call before it is looked at.

        Raises:
            NetworkRefusal: it ends here.
        """
        if (delay := self._take(method, Delay)) is not None:
            await self._wait(delay.seconds)
        if self.outage and method not in HTTP_METHODS:
            raise NetworkRefusal("the network is down", status="UNAVAILABLE")
        if (answer := self._take(method, Answer)) is not None:
            raise NetworkRefusal("injected fault", status=answer.status)

    def lost_reply(self, method: str) -> LoseReply | None:
        """Tell whether the reply to a call that took effect gets lost, and how."""
        return self._take(method, LoseReply)

    def nonce_race(self) -> bool:
        """Tell whether the nonce just told is used by somebody else at once."""
        return self._take("GetNonce", NonceRace) is not None

    def _take(self, method: str, kind: type[F]) -> F | None:
        """Use up one call of the first fault of a kind that concerns `method`."""
        for active in self._active:
            fault = active.fault
            if isinstance(fault, kind) and active.concerns(method):
                self._use(active)
                return fault
        return None

    def _use(self, active: _Active) -> None:
        if active.left is not None:
            active.left -= 1
            if not active.left:
                self._active.remove(active)

    async def _wait(self, seconds: float | None) -> None:
        if seconds is None:
            await self._lifted.wait()
        else:
            await asyncio.sleep(seconds)
