"""Telling the network how requests ended: proofs handed in, failures reported.

A finished proof is worth hours of a GPU. It is kept and sent again until the network has it or
the deadline has passed, across restarts; the network takes each request's end once, so that
sending it again after a lost answer does no harm.
"""

import asyncio
from collections.abc import Callable

from google.protobuf.message import Message

from sp1tee.errors import BlobDamaged, BlobErased, NetworkError, StoreError, UpstreamError
from sp1tee.logs import get
from sp1tee.serve.backoff import delay_after
from sp1tee.serve.network.account import FulfillerAccount
from sp1tee.serve.network.endings import end_and_tell, end_quietly
from sp1tee.serve.network.polling import UpstreamStatuses
from sp1tee.serve.network.reading import FINAL, read, status_name
from sp1tee.serve.settling import fail_body, fulfill_body
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import types_pb2

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
IDLE_S = 1.0
BATCH = 20
NONCE_ATTEMPTS = 5
FAILURE_ATTEMPTS = 6
"""A failure that the network refuses this often is not worth more: the deadline ends it anyway."""

_HASH_SIZE = 32
_TRANSIENT = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "CANCELLED"})

_log = get(__name__)


class Outbox:
    """Sends what the network has not been told yet, oldest first, one call at a time.

    Of several servers with one store, one at a time does.

    Args:
        store: knows what is due.
        account: signs and sends.
        statuses: say how a request stands upstream, when a refusal leaves that open.
        allow_mock: whether mock proofs may be handed in.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        account: FulfillerAccount,
        statuses: UpstreamStatuses,
        *,
        allow_mock: bool,
        clock: Callable[[], float],
    ) -> None:
        self._requests = store.requests
        self._vault = store.vault
        self._exclusively = store.exclusively
        self._account = account
        self._statuses = statuses
        self._allow_mock = allow_mock
        self._clock = clock
        self._wake = asyncio.Event()
        self._unsubscribe = store.subscribe(self._changed)

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._wake.clear()
                await self._deliver_due()
                await self._rest()
        finally:
            self._unsubscribe()

    async def _deliver_due(self) -> None:
        try:
            while await self._requests.outbox(1):
                await self._deliver_in_turn()
        except StoreError as error:
            _log.error("outbox_failed", code=error.code, error=error.message)

    async def _deliver_in_turn(self) -> None:
        """Deliver what is due once no other server with the same account is about to."""
        async with self._exclusively(f"account {self._account.address.hex()}") as is_held:
            for record in await self._requests.outbox(BATCH):
                if is_held():
                    await self._deliver(record)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _changed(self, record: RequestRecord) -> None:
        if record.state is State.PROVED or (record.state in _FAILED and not record.told):
            self._wake.set()

    async def _deliver(self, record: RequestRecord) -> None:
        try:
            if record.state is State.PROVED:
                await self._hand_in(record)
            else:
                await self._report(record)
        except UpstreamError as error:
            await self._refused(record, error)
        except NetworkError as error:
            await self._postpone(record, error.message)

    async def _hand_in(self, record: RequestRecord) -> None:
        if record.mock and not self._allow_mock:
            text = "The proof is a mock proof, which this server does not hand in."
            await end_and_tell(self._requests, record.key, text)
            return
        try:
            proof = b"".join([chunk async for chunk in self._vault.read(record.proof_blob or "")])
        except (BlobErased, BlobDamaged) as error:
            _log.error("proof_lost", request=record.key, code=error.code)
            await end_and_tell(self._requests, record.key, "The proof was lost on this server.")
            return
        answer = await self._send(
            "FulfillProof", lambda nonce: fulfill_body(record, nonce=nonce, proof=proof)
        )
        tx_hash = read(types_pb2.FulfillProofResponse, answer).tx_hash
        await self._settled(record, tx_hash)

    async def _report(self, record: RequestRecord) -> None:
        await self._send("FailFulfillment", lambda nonce: fail_body(record, nonce=nonce))
        _log.info("failure_told", request=record.key)
        self._statuses.forget(record.request_id or b"")
        await self._requests.told(record.key)

    async def _send(self, method: str, make_body: Callable[[int], Message]) -> bytes:
        for _ in range(NONCE_ATTEMPTS - 1):
            try:
                return await self._account.send(method, make_body)
            except UpstreamError as error:
                if not is_nonce_race(error):
                    raise
        return await self._account.send(method, make_body)

    async def _refused(self, record: RequestRecord, error: UpstreamError) -> None:
        _log.warning(
            "settling_refused", request=record.key, status=error.status, error=error.message
        )
        if error.status in _TRANSIENT:
            await self._postpone(record, error.message)
            return
        # A refusal may mean that an earlier attempt got through and only its answer was lost.
        if not await self._ended_upstream(record):
            await self._not_taken(record, error)

    async def _ended_upstream(self, record: RequestRecord) -> bool:
        request_id = record.request_id or b""
        self._statuses.forget(request_id)
        try:
            polled = await self._statuses.get(request_id, about=record.key)
        except NetworkError:
            return False
        status = polled.status.fulfillment_status
        if status not in FINAL:
            return False
        if record.state is not State.PROVED:
            await self._requests.told(record.key)
        elif status == types_pb2.FULFILLED:
            await self._settled(record, polled.status.fulfill_tx_hash)
        else:
            await end_quietly(self._requests, record.key, _too_late(record, status))
        return True

    async def _not_taken(self, record: RequestRecord, error: UpstreamError) -> None:
        if record.state is not State.PROVED and record.tell_attempts >= FAILURE_ATTEMPTS:
            await self._requests.told(record.key)
        else:
            await self._postpone(record, error.message)

    async def _settled(self, record: RequestRecord, tx_hash: bytes) -> None:
        _log.info("settled", request=record.key)
        self._statuses.forget(record.request_id or b"")
        known = tx_hash if len(tx_hash) == _HASH_SIZE else None
        await self._requests.settled(record.key, known)

    async def _postpone(self, record: RequestRecord, error: str) -> None:
        wait = delay_after(record.tell_attempts, FIRST_WAIT_S, LONGEST_WAIT_S)
        await self._requests.postpone(record.key, self._clock() + wait, error)


_FAILED = frozenset({State.FAILED, State.EXPIRED})


def is_nonce_race(error: UpstreamError) -> bool:
    """Tell whether a call came with a nonce that somebody else had used meanwhile.

    The network has answered ABORTED or UNAVAILABLE to that, naming the nonce (sp1-cluster,
    bin/bidder); nothing else it says about a nonce can be helped by waiting.
    """
    return "nonce" in error.message.lower() or error.status == "ABORTED"


def _too_late(record: RequestRecord, status: int) -> str:
    said = f" It had said: {record.tell_error}" if record.tell_error else ""
    return f"The network ended the request without the proof: {status_name(status)}.{said}"
