"""Durable requests: the interface."""

from collections.abc import Collection
from typing import Protocol

from sp1tee.store.records import (
    Attempt,
    Capability,
    Failure,
    Leased,
    NewRequest,
    RequestFilter,
    RequestRecord,
    Result,
    State,
    Usage,
)


class Requests(Protocol):
    """The way of every request. Each change is one transaction, on disk when its call returns.

    ::

        accepted → queued → leased → proved → settled      settled, failed, expired: final
                     ▲        │
                     ├────────┤ lease lost or given back
                     └─ held ◀┘ too often, if such requests are kept
        any open state → failed | expired

    Every change may raise `StoreUnavailable` (`StoreFull` on a full disk): nothing of it
    happened, and it may be tried again. Calls that name a `key` raise `RequestNotFound` for an
    unknown one. Leases belong to the worker whose own token took them, `identity`; None is the
    token that workers share. For any other worker there is no such lease.
    """

    async def accept(self, new: NewRequest, *, queue: bool) -> tuple[RequestRecord, bool]:
        """Take a request, or find the one with its fingerprint; also say whether it is fresh.

        With `queue` it can be leased at once. The requester's nonce moves past `new.nonce`.
        Only the first time counts: a known fingerprint changes no request.

        Raises:
            NotUploaded: its requester uploaded no such input, or it is erased already.
        """

    async def bind(self, key: str, request_id: bytes, tx_hash: bytes) -> RequestRecord:
        """Note the network's names for a request, in any state; the same ones twice are fine.

        Raises:
            StateConflict: it has another id, or another request has this one.
        """

    async def enqueue(self, key: str) -> RequestRecord:
        """Let workers lease it: ACCEPTED becomes QUEUED. In any other state nothing changes.

        Its input must be uploaded and its program cached by now: a lease that finds either
        missing fails the request.
        """

    async def lease(
        self,
        worker: str,
        capabilities: Collection[Capability],
        ttl_s: float,
        *,
        keys: Collection[bytes] = (),
        identity: str | None = None,
    ) -> Leased | None:
        """Hand a request that fits to `worker`; None when there is none.

        Requesters take turns: it is the oldest one of who was served least recently, or one that
        came soon after it and whose program the worker has set up; `keys` are the hashes of such
        programs. One that cannot be proved by its deadline, as far as finished ones tell, is ended
        instead.
        """

    async def beat(
        self,
        lease_id: str,
        token: bytes,
        stage: int,
        ttl_s: float,
        *,
        identity: str | None = None,
    ) -> bool:
        """Keep a lease for `ttl_s` from now. False: it is lost, drop the work."""

    async def finish(
        self,
        lease_id: str,
        token: bytes,
        result: Result,
        *,
        settle: bool,
        identity: str | None = None,
    ) -> RequestRecord:
        """Take a proof: PROVED, or SETTLED when nobody else needs to be told.

        A lost or given-back lease's proof counts if the request is still waiting for one. The
        input's key is deleted in the same transaction, unless another request waits with the
        same input. The same lease may finish twice: the second time changes nothing.

        Raises:
            LeaseLost: there is no such lease, or the request ended otherwise.
            UndeclaredMock: a mock proof from a lease that was taken for real proofs.
        """

    async def give_back(
        self,
        lease_id: str,
        token: bytes,
        *,
        counts: bool,
        reason: str,
        identity: str | None = None,
    ) -> RequestRecord:
        """Return a request to the queue; with `counts` as a failed attempt, which may be its last.

        Raises:
            LeaseLost: this lease does not hold the request any more.
        """

    async def fail_lease(
        self, lease_id: str, token: bytes, failure: Failure, *, identity: str | None = None
    ) -> RequestRecord:
        """End a request that its worker found impossible.

        Raises:
            LeaseLost: this lease does not hold the request any more.
        """

    async def note_refused(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> None:
        """Note that a proof of a lease was refused: workers whose leases go bad get no more.

        Raises:
            LeaseLost: there is no such lease.
        """

    async def fail(self, key: str, failure: Failure) -> RequestRecord:
        """End a request; one that has ended already stays as it is."""

    async def retry(self, key: str) -> RequestRecord:
        """Queue a held request again, with all its attempts before it.

        Raises:
            StateConflict: it is not held.
        """

    async def drop(self, key: str) -> RequestRecord:
        """End a request without a proof at the operator's wish.

        Raises:
            StateConflict: it has a proof, or has ended.
        """

    async def attempts(self, key: str) -> list[Attempt]:
        """List every worker's try at a request, oldest first; none for an unknown one."""

    async def cancel(self, key: str, text: str) -> RequestRecord:
        """End a request at its requester's wish. The network is not told: it was asked, too."""

    async def sweep(self) -> list[RequestRecord]:
        """Apply what time has done, a bounded number of rows a call; returns what changed.

        Lost leases return to the queue or, after `max_attempts`, fail or are held; requests past
        their deadline expire; unused uploads and old proofs are erased, old rows deleted. Call it
        again at once if it returned many.
        """

    async def outbox(self, limit: int) -> list[RequestRecord]:
        """List what the network should be told now, longest due first.

        These are PROVED requests, and FAILED and EXPIRED ones that have a `request_id`.
        """

    async def postpone(self, key: str, until: float, error: str) -> RequestRecord:
        """Try telling the network again at `until` (Unix seconds); `error` is for operators."""

    async def settled(self, key: str, fulfill_tx_hash: bytes | None) -> RequestRecord:
        """The network has the proof: PROVED becomes SETTLED. Twice is fine.

        Raises:
            StateConflict: it is neither.
        """

    async def told(self, key: str) -> RequestRecord:
        """The network knows about a failure."""

    async def get(self, request_id: bytes) -> RequestRecord | None:
        """Find by the network's id."""

    async def by_key(self, key: str) -> RequestRecord | None:
        """Find by our own id."""

    async def by_fingerprint(self, fingerprint: bytes) -> RequestRecord | None:
        """Find the request that retries of the same request mean."""

    async def by_proof_token(self, proof_token: str) -> RequestRecord | None:
        """Find by what GET /proofs/{token} was asked for."""

    async def by_lease(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> Leased | None:
        """Check a lease that wants to read its blobs; None unless it holds its request now."""

    async def lease_record(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> RequestRecord | None:
        """Find the request a lease is or was about; None unless the lease has this token.

        For proofs that come late: see `finish`.
        """

    async def find(self, wanted: RequestFilter) -> list[RequestRecord]:
        """List requests, newest first unless `wanted` says otherwise."""

    async def counts(self) -> dict[State, int]:
        """Count requests; every state is a key."""

    async def usage(self, requester: bytes) -> Usage:
        """Say what a requester occupies."""

    async def open_count(self, requester: bytes, up_to: int) -> int:
        """Count a requester's open requests; `up_to` if there are as many or more."""

    async def open_records(self) -> list[RequestRecord]:
        """List every request that can still change, oldest first."""
