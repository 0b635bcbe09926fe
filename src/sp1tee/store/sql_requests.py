"""Durable requests in a database."""

from collections.abc import Callable, Collection
from typing import final

from typing_extensions import override

from sp1tee.store import accepting, ending, finishing, holding, leasing, lookup, operating, outbox
from sp1tee.store.aftermath import Aftermath
from sp1tee.store.reader import Reader
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
from sp1tee.store.requests import Requests
from sp1tee.store.sealed_vault import removed_if_refused
from sp1tee.store.sweeping import STEPS, swept
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Writer


@final
class SqlRequests(Requests):
    """`Requests`: each change is one job of the writer, each question one query."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        vault: Vault,
        aftermath: Aftermath,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._vault = vault
        self._aftermath = aftermath
        self._clock = clock

    @override
    async def accept(self, new: NewRequest, *, queue: bool) -> tuple[RequestRecord, bool]:
        return await self._writer.run(accepting.accept, new, queue=queue)

    @override
    async def bind(self, key: str, request_id: bytes, tx_hash: bytes) -> RequestRecord:
        return await self._writer.run(accepting.bind, key, request_id, tx_hash)

    @override
    async def enqueue(self, key: str) -> RequestRecord:
        return await self._writer.run(accepting.enqueue, key)

    @override
    async def lease(
        self,
        worker: str,
        capabilities: Collection[Capability],
        ttl_s: float,
        *,
        keys: Collection[bytes] = (),
        identity: str | None = None,
    ) -> Leased | None:
        while True:
            sought = await self._writer.run(
                leasing.lease, worker, capabilities, ttl_s, keys=keys, identity=identity
            )
            if sought is not leasing.Sought.MORE:
                return sought if isinstance(sought, Leased) else None

    @override
    async def beat(
        self,
        lease_id: str,
        token: bytes,
        stage: int,
        ttl_s: float,
        *,
        identity: str | None = None,
    ) -> bool:
        return await self._writer.run(
            leasing.beat, lease_id, token, stage, ttl_s, identity=identity
        )

    @override
    async def finish(
        self,
        lease_id: str,
        token: bytes,
        result: Result,
        *,
        settle: bool,
        identity: str | None = None,
    ) -> RequestRecord:
        async with removed_if_refused(self._vault, result.proof):
            return await self._writer.run(
                finishing.finish, lease_id, token, result, settle=settle, identity=identity
            )

    @override
    async def give_back(
        self,
        lease_id: str,
        token: bytes,
        *,
        counts: bool,
        reason: str,
        identity: str | None = None,
    ) -> RequestRecord:
        return await self._writer.run(
            leasing.give_back, lease_id, token, counts=counts, reason=reason, identity=identity
        )

    @override
    async def fail_lease(
        self, lease_id: str, token: bytes, failure: Failure, *, identity: str | None = None
    ) -> RequestRecord:
        return await self._writer.run(
            leasing.fail_lease, lease_id, token, failure, identity=identity
        )

    @override
    async def note_refused(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> None:
        await self._writer.run(holding.note_refused, lease_id, token, identity)

    @override
    async def fail(self, key: str, failure: Failure) -> RequestRecord:
        return await self._writer.run(ending.fail, key, failure)

    @override
    async def retry(self, key: str) -> RequestRecord:
        return await self._writer.run(operating.retry, key)

    @override
    async def drop(self, key: str) -> RequestRecord:
        return await self._writer.run(operating.drop, key)

    @override
    async def attempts(self, key: str) -> list[Attempt]:
        return await self._reader.now(operating.attempts, key)

    @override
    async def cancel(self, key: str, text: str) -> RequestRecord:
        return await self._writer.run(ending.cancel, key, text)

    @override
    async def sweep(self) -> list[RequestRecord]:
        changed = [record for step in STEPS for record in await self._writer.run(swept, step)]
        await self._aftermath.clean()
        return changed

    @override
    async def outbox(self, limit: int) -> list[RequestRecord]:
        return await self._reader.aside(outbox.outbox, self._clock(), limit)

    @override
    async def postpone(self, key: str, until: float, error: str) -> RequestRecord:
        return await self._writer.run(outbox.postpone, key, until, error)

    @override
    async def settled(self, key: str, fulfill_tx_hash: bytes | None) -> RequestRecord:
        return await self._writer.run(outbox.settled, key, fulfill_tx_hash)

    @override
    async def told(self, key: str) -> RequestRecord:
        return await self._writer.run(outbox.told, key)

    @override
    async def get(self, request_id: bytes) -> RequestRecord | None:
        return await self._reader.now(lookup.one_request, lookup.BY_REQUEST_ID, request_id)

    @override
    async def by_key(self, key: str) -> RequestRecord | None:
        return await self._reader.now(lookup.one_request, lookup.BY_KEY, key)

    @override
    async def by_fingerprint(self, fingerprint: bytes) -> RequestRecord | None:
        return await self._reader.now(lookup.one_request, lookup.BY_FINGERPRINT, fingerprint)

    @override
    async def by_proof_token(self, proof_token: str) -> RequestRecord | None:
        return await self._reader.now(lookup.one_request, lookup.BY_PROOF_TOKEN, proof_token)

    @override
    async def by_lease(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> Leased | None:
        return await self._reader.now(lookup.by_lease, lease_id, token, identity)

    @override
    async def lease_record(
        self, lease_id: str, token: bytes, *, identity: str | None = None
    ) -> RequestRecord | None:
        return await self._reader.now(lookup.lease_record, lease_id, token, identity)

    @override
    async def find(self, wanted: RequestFilter) -> list[RequestRecord]:
        return await self._reader.aside(lookup.find, wanted)

    @override
    async def counts(self) -> dict[State, int]:
        return await self._reader.aside(lookup.counts)

    @override
    async def usage(self, requester: bytes) -> Usage:
        return await self._reader.now(lookup.usage, requester, self._clock())

    @override
    async def open_count(self, requester: bytes, up_to: int) -> int:
        return await self._reader.now(lookup.open_count, requester, up_to)

    @override
    async def open_records(self) -> list[RequestRecord]:
        return await self._reader.aside(lookup.open_records)
