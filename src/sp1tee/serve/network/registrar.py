"""Registering a request upstream exactly once, whatever is lost on the way.

The intent is stored first, then the envelope is forwarded, then the network's ids are bound to the
intent. When the middle step has no clear outcome (the connection broke, this server died) the
request may or may not exist upstream. Before it is forwarded again it is therefore looked for: by
its stdin_uri, which was made here for one upload, and what is to be proved of it until when.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from sp1tee.errors import (
    BadReply,
    RequestNotFound,
    UpstreamError,
    UpstreamRefusal,
)
from sp1tee.logs import get
from sp1tee.serve.admission import read_body
from sp1tee.serve.calls import ProofCall, SignedCall
from sp1tee.serve.checks import HASH_SIZE
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.endings import end_quietly
from sp1tee.serve.network.reading import DEFINITE, read
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.serve.statuses import failure
from sp1tee.store.records import NETWORK_OWNER, RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import types_pb2

PAGE = 100
MAX_PAGES = 20

_log = get(__name__)

# An SDK tries these again by itself.
_RETRIED = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "ABORTED"})


class Registrar:
    """Turns admitted calls into requests that have the network's ids.

    Whatever concerns one request happens one at a time, whichever server does it, and goes on if
    the client hangs up.
    """

    def __init__(self, store: Store, upstream: Upstream) -> None:
        self._requests = store.requests
        self._exclusively = store.exclusively
        self._upstream = upstream
        self._flights: SingleFlight[bytes, RequestRecord | None] = SingleFlight()

    async def take(self, call: ProofCall) -> RequestRecord:
        """Store an intent and register it; returns the record with the network's ids.

        Raises:
            UpstreamRefusal: the network refused, or the outcome is unclear: trying again is safe.
            NoProof: it was refused before.
        """
        return await self._insist(call.fingerprint, lambda: self._take(call))

    async def again(self, record: RequestRecord, signed: SignedCall) -> RequestRecord:
        """Register a known request if that has not succeeded yet; raises what `take` raises."""
        if record.request_id is not None:
            return record
        return await self._insist(record.fingerprint, lambda: self._again(record.key, signed))

    async def reconcile(self, record: RequestRecord) -> RequestRecord | None:
        """Look upstream for an intent of unclear outcome; None if it is not there.

        Raises:
            NetworkError: the network could not be asked.
        """
        return await self._fly(record.fingerprint, lambda: self._find(record.key))

    async def aclose(self) -> None:
        """Stop; what was under way is reconciled after the next start."""
        await self._flights.aclose()

    async def _insist(
        self, fingerprint: bytes, start: Callable[[], Coroutine[Any, Any, RequestRecord]]
    ) -> RequestRecord:
        # Having joined a look-up in the background that found nothing is no answer yet.
        while (record := await self._fly(fingerprint, start)) is None:
            pass
        return record

    async def _fly(
        self, fingerprint: bytes, start: Callable[[], Coroutine[Any, Any, RequestRecord | None]]
    ) -> RequestRecord | None:
        async def alone() -> RequestRecord | None:
            async with self._exclusively(f"request {fingerprint.hex()}"):
                return await start()

        return await self._flights.run(fingerprint, alone)

    async def _take(self, call: ProofCall) -> RequestRecord:
        new = call.to_store(program_owner=NETWORK_OWNER)
        record, fresh = await self._requests.accept(new, queue=False)
        if fresh:
            return await self._forward(record, call.signed)
        return await self._again(record.key, call.signed)

    async def _again(self, key: str, signed: SignedCall) -> RequestRecord:
        try:
            record = await self._find(key)
        except UpstreamError as error:
            raise _unclear(error) from None
        if record is None:
            return await self._forward(await self._read(key), signed)
        if record.request_id is None:
            raise failure(record)
        return record

    async def _forward(self, record: RequestRecord, signed: SignedCall) -> RequestRecord:
        try:
            answer = await self._upstream.call("RequestProof", signed.envelope())
        except UpstreamError as error:
            raise await self._refused(record, error) from None
        accepted = read(types_pb2.RequestProofResponse, answer)
        return await self._bind(record, accepted.body.request_id, accepted.tx_hash)

    async def _refused(self, record: RequestRecord, error: UpstreamError) -> UpstreamRefusal:
        if error.status in DEFINITE:
            await end_quietly(self._requests, record.key, error.message)
            return UpstreamRefusal(error.message, status=error.status)
        _log.warning("registration_unclear", request=record.key, status=error.status)
        return _unclear(error)

    async def _find(self, key: str) -> RequestRecord | None:
        """Return the record if it is bound or has ended, binding it if the network has it."""
        record = await self._read(key)
        if record.request_id is not None or record.state is not State.ACCEPTED:
            return record
        shown = await self._look_up(record)
        if shown is None:
            return None
        _log.info("registration_found", request=record.key)
        return await self._bind(record, shown.request_id, shown.tx_hash)

    async def _look_up(self, record: RequestRecord) -> types_pb2.ProofRequest | None:
        for page in range(1, MAX_PAGES + 1):
            shown = await self._page(record, page)
            for request in shown:
                if _is_same(request, record):
                    return request
            if len(shown) < PAGE:
                break
        return None

    async def _page(self, record: RequestRecord, page: int) -> list[types_pb2.ProofRequest]:
        ask = types_pb2.GetFilteredProofRequestsRequest(
            requester=record.requester,
            vk_hash=record.vk_hash,
            # Whether the bound itself is included differs between networks.
            minimum_deadline=record.deadline - 1,
            limit=PAGE,
            page=page,
        )
        answer = await self._upstream.call("GetFilteredProofRequests", ask.SerializeToString())
        found = read(types_pb2.GetFilteredProofRequestsResponse, answer).requests
        # The fields looked at here are the same in both dialects.
        return [read(types_pb2.ProofRequest, encoded) for encoded in found]

    async def _bind(
        self, record: RequestRecord, request_id: bytes, tx_hash: bytes
    ) -> RequestRecord:
        if len(request_id) != HASH_SIZE or len(tx_hash) != HASH_SIZE:
            raise BadReply("The upstream network's ids do not have 32 bytes.")
        return await self._requests.bind(record.key, request_id, tx_hash)

    async def _read(self, key: str) -> RequestRecord:
        record = await self._requests.by_key(key)
        if record is None:
            raise RequestNotFound("The request was deleted.")
        return record


def _unclear(error: UpstreamError) -> UpstreamRefusal:
    """Ask the client to try again, whatever the error: trying again is safe, giving up is not."""
    status = error.status if error.status in _RETRIED else "UNAVAILABLE"
    return UpstreamRefusal(error.message, status=status)


def _is_same(shown: types_pb2.ProofRequest, record: RequestRecord) -> bool:
    """Tell whether the network shows this request; one input may be proved in several ways."""
    _, body = read_body(record.body)
    return (
        (shown.requester, shown.stdin_uri) == (record.requester, body.stdin_uri)
        and (shown.vk_hash, shown.version) == (record.vk_hash, record.version)
        and (shown.mode, shown.deadline) == (record.mode, record.deadline)
    )
