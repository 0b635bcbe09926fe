"""The facts the store keeps, as it hands them out. Frozen: only a transition changes one.

Times are Unix seconds. Secrets and requests' bytes stay out of every repr.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

ArtifactKind = Literal["program", "stdin"]
ArtifactState = Literal["created", "uploaded", "erased"]


class State(StrEnum):
    """Where a request is on its way."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    LEASED = "leased"
    HELD = "held"
    PROVED = "proved"
    SETTLED = "settled"
    FAILED = "failed"
    EXPIRED = "expired"


WAITING_STATES = frozenset({State.ACCEPTED, State.QUEUED, State.LEASED, State.HELD})
"""No proof yet: the input is still needed."""

OPEN_STATES = WAITING_STATES | {State.PROVED}
FINAL_STATES = frozenset(State) - OPEN_STATES

UNKNOWN_FAILURE = 3
"""`ProofRequestError.UNKNOWN_FAILURE`, the one value every schema of the network has."""

NETWORK_OWNER = bytes(20)
"""Who owns what an upstream network's registry says: no account, since nobody has its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request for a proof as its requester signed it."""

    fingerprint: bytes
    """32 bytes, equal for retries of one request (`sp1tee.wire.dialect.request_fingerprint`)."""
    requester: bytes
    """The signer's address, 20 bytes."""
    dialect: str
    signature: bytes = field(repr=False)
    body: bytes = field(repr=False)
    """The signed slice, byte for byte as it came."""
    vk_hash: bytes
    program_owner: bytes
    """Whose registration of `vk_hash` it runs (`Program.owner`)."""
    version: str
    """The circuit version as it came, e.g. ``sp1-v6.1.0``."""
    mode: int
    strategy: int
    stdin_artifact: str
    """Id of the uploaded input."""
    deadline: int
    cycle_limit: int
    gas_limit: int
    nonce: int
    request_id: bytes | None = None
    """The network's id, 32 bytes; absent until the network has answered."""
    tx_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord(NewRequest):
    """A request and what has become of it."""

    key: str
    """Our own id, ``req_…``: the one thing that may name a request in a log."""
    state: State
    created_at: int
    updated_at: int
    attempts: int = 0
    """Leases so far that counted."""
    worker: str | None = None
    """Who holds, or last held, the lease."""
    stage: int = 0
    """The worker protocol's ``Stage``."""
    error: int | None = None
    """``ProofRequestError``, on failure."""
    cause: int | None = None
    """``ExecuteFailureCause``, when the guest could not be executed."""
    text: str | None = None
    """Why it ended, for the requester."""
    cycles: int | None = None
    gas: int | None = None
    public_values_hash: bytes | None = None
    mock: bool = False
    """The proof is a mock proof."""
    proof_blob: str | None = None
    proof_token: str | None = field(default=None, repr=False)
    """What GET /proofs/{token} asks for; 43 url-safe characters."""
    fulfilled_at: int | None = None
    fulfill_tx_hash: bytes | None = None
    told: bool = False
    """The network knows how it ended; nothing is left to send."""
    tell_attempts: int = 0
    """How often sending it was put off."""
    tell_error: str | None = None
    """Why it was put off last."""
    revision: int = 0
    """How often it was changed."""

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """What running the guest showed."""

    cycles: int
    gas: int | None
    public_values_hash: bytes
    """sha256, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request ends without a proof."""

    error: int
    """``ProofRequestError``."""
    cause: int | None
    """``ExecuteFailureCause``, when the guest could not be executed."""
    text: str
    """A sentence for the requester, without a byte of the input."""
    execution: ExecutionFacts | None = None


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """A finished file of the vault. It can be read only while the database holds its key."""

    id: str
    wrapped_key: bytes = field(repr=False)
    """The blob's own key, wrapped by the vault's master key."""
    size: int
    """Of the content, in bytes."""
    sha256: bytes
    """Of the content; empty where its writer was not asked for it."""


@dataclass(frozen=True, slots=True)
class Result:
    """A proof that is on disk, and what its execution showed."""

    execution: ExecutionFacts
    proof: SealedBlob
    mock: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A place to upload to, and what was uploaded."""

    id: str
    kind: ArtifactKind
    requester: bytes
    uri: str
    """What requests call it. Knowing it gives no access."""
    state: ArtifactState
    created_at: int
    expires_at: float
    """No upload may begin after this; an upload that nothing needs is erased then."""
    size: int | None = None
    sha256: bytes | None = None
    blob: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProgram:
    """A program as its owner registers it."""

    vk_hash: bytes
    vk: bytes = field(repr=False)
    uri: str
    """Where its owner uploaded it last."""
    owner: bytes
    """An account, 20 bytes, or `NETWORK_OWNER`."""
    created_at: int
    name: str | None = None
    shared: bool = False
    """Other accounts may use it: the operator had chosen who may call when it was registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(NewProgram):
    """One owner's registration of a program, its ELF in the vault."""

    blob: str
    size: int
    """Of the plain ELF, as is `sha256`."""
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Capability:
    """What a worker can prove: these modes of this version, as real or as mock proofs."""

    version: str
    modes: frozenset[int]
    mock: bool


@dataclass(frozen=True, slots=True)
class Leased:
    """A request in one worker's hands until `expires_at`."""

    record: RequestRecord
    lease_id: str
    token: bytes = field(repr=False)
    """32 random bytes. The store keeps only their sha256."""
    expires_at: float
    stdin: Artifact
    program: Program


@dataclass(frozen=True, slots=True)
class Attempt:
    """One worker's try at a request."""

    worker: str
    began_at: float | None
    """Absent for tries of a release that did not note it, as is `ended_at`."""
    ended_at: float | None
    outcome: str | None
    """``finished``, ``failed``, ``returned``, ``lost``, ``ended``; absent while it goes on."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one requester occupies."""

    open_uploads: int
    """Upload places nobody has used yet."""
    open_requests: int
    bytes: int
    """Of uploads still in the vault, and of registered programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests to list; an absent field does not restrict."""

    states: frozenset[State] | None = None
    requester: bytes | None = None
    vk_hash: bytes | None = None
    version: str | None = None
    mode: int | None = None
    min_deadline: int | None = None
    created_from: int | None = None
    created_to: int | None = None
    limit: int = 100
    offset: int = 0
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """How long things are kept and how often they are tried."""

    max_attempts: int = 3
    """Leases that may be lost or given back before a request counts as poisoned."""
    hold_poisoned: bool = False
    """Keep poisoned requests, input and all, until somebody retries or drops them."""
    quarantine_after: int = 5
    """Leases in a row that a worker may lose, or have the proof of refused."""
    proof_retention_s: float = 86_400
    """After settling; then the proof is erased."""
    record_retention_s: float = 30 * 86_400
    """After an ended request's deadline; then its row is deleted, too."""
    upload_grace_s: float = 3_600
    """An upload may end this long after its place expired, if it began before."""
    unused_upload_s: float = 3_600
    """An upload that nothing needs is erased after this."""
    settle_grace_s: float = 120
    """A proof may still be on its way to the network this long after its deadline."""
    sweep_batch: int = 200
    """Most rows of one kind that one sweep changes."""
