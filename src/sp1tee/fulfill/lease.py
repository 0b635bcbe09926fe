"""A lease as the server grants it: one request, for a while."""

from dataclasses import dataclass, field
from typing import Self

from sp1tee.errors import ServerRefused
from sp1tee.wire.ids import parse_id
from sp1tee.wire.pb import worker_pb2

TOKEN_SIZE = 32

# A request that broke a worker so often breaks the next one too.
ATTEMPTS = 3

# What SDKs send when the caller set no limit, besides 0.
_UNLIMITED = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Lease:
    """One request, leased to this worker.

    Attributes:
        id: the lease's TypeID.
        token: 32 random bytes; whoever holds them may read the input and hand in the result.
        request_id: the network's id of the request, 32 bytes.
        vk_hash: the program, as the network names it, 32 bytes.
        vk: the verifying key as it was registered; may be empty.
        version: the circuit version, e.g. ``sp1-v6.1.0``.
        mode: the network's ``ProofMode`` number.
        deadline: Unix seconds.
        cycle_limit: how many cycles the requester allows; None: no limit.
        gas_limit: how much gas the requester allows; None: no limit.
        stdin_size: the input's size as it was uploaded, in bytes.
        program_size: the ELF's size in bytes.
        program_sha256: of the ELF.
        ttl: seconds within which the server wants the next heartbeat.
        attempt: how many times the request was leased, this time included.
        tenant: a label, equal for requests of one requester.
        request: what the server's log calls the request, ``req_…``; empty if it does not say.
        traceparent: the server's span that the work belongs to; empty without traces.
    """

    id: str
    token: bytes = field(repr=False)
    request_id: bytes
    vk_hash: bytes
    vk: bytes = field(repr=False)
    version: str
    mode: int
    deadline: int
    cycle_limit: int | None
    gas_limit: int | None
    stdin_size: int
    program_size: int
    program_sha256: bytes
    ttl: float
    attempt: int
    tenant: str
    request: str
    traceparent: str = ""

    @property
    def names(self) -> dict[str, str]:
        """What every line of log about it carries.

        Never the network's id: whoever knows that one may ask for the proof.
        """
        request = {"request": self.request} if self.request else {}
        return {**request, "lease": self.id}

    @property
    def attempts_left(self) -> bool:
        """Whether it is worth another try, here or elsewhere, after a machine failed on it."""
        return self.attempt < ATTEMPTS

    @classmethod
    def from_wire(cls, lease: worker_pb2.Lease, traceparent: str = "") -> Self:
        """Read the server's answer, and what came beside it.

        Raises:
            IdError: the lease's id, or the request's, is not one.
            ServerRefused: it grants nothing that could be held.
        """
        parse_id(lease.lease_id, "lease")
        if lease.request:
            parse_id(lease.request, "req")
        if len(lease.lease_token) != TOKEN_SIZE or not lease.ttl_ms:
            raise ServerRefused("The server granted a lease without a token or a duration.")
        return cls(
            id=lease.lease_id,
            token=lease.lease_token,
            request_id=lease.request_id,
            vk_hash=lease.vk_hash,
            vk=lease.vk,
            version=lease.version,
            mode=int(lease.mode),
            deadline=lease.deadline,
            cycle_limit=_limit(lease.cycle_limit),
            gas_limit=_limit(lease.gas_limit),
            stdin_size=lease.stdin_size,
            program_size=lease.program_size,
            program_sha256=lease.program_sha256,
            ttl=lease.ttl_ms / 1000,
            attempt=lease.attempt,
            tenant=lease.tenant,
            request=lease.request,
            traceparent=traceparent,
        )


def _limit(number: int) -> int | None:
    return None if number in (0, _UNLIMITED) else number
