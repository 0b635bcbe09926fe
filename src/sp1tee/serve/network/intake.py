"""From an accepted request to a queued one: registered, assigned to us, its program at hand."""

import asyncio
from collections.abc import Callable

from sp1tee.errors import (
    NetworkError,
    ProgramRefused,
    Refusal,
    Sp1teeError,
    StoreError,
    TransientSourceError,
)
from sp1tee.logs import get
from sp1tee.serve.backoff import Pause
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.endings import end_and_tell, end_quietly
from sp1tee.serve.network.own import OwnAddresses
from sp1tee.serve.network.reading import FINAL, read, status_name
from sp1tee.serve.network.registrar import Registrar
from sp1tee.serve.program_source import ProgramSource
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import checksum_address

RECONCILE_FOR_S = 300
"""An SDK gives RequestProof up after two minutes; then nobody waits for an answer any more."""

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0

_log = get(__name__)


class Intake:
    """Follows every request from its intent to the queue, in a task of its own.

    It learns of requests from the store, those of before a restart included, so that none can be
    forgotten between two steps.
    """

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        registrar: Registrar,
        programs: ProgramSource,
        own: OwnAddresses,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._requests = store.requests
        self._upstream = upstream
        self._registrar = registrar
        self._programs = programs
        self._own = own
        self._clock = clock
        self._tasks: SingleFlight[str, None] = SingleFlight()
        self._exclusively = store.exclusively
        self._unsubscribe = store.subscribe(self._follow)

    async def run(self) -> None:
        """Take up what was on its way before the start; then follow what comes."""
        for record in await self._requests.open_records():
            self._follow(record)
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Let go of every request; the next start takes them up again."""
        self._unsubscribe()
        await self._tasks.aclose()

    def _follow(self, record: RequestRecord) -> None:
        if record.state is State.ACCEPTED:
            self._tasks.launch(record.key, lambda: self._bring(record))

    async def _bring(self, record: RequestRecord) -> None:
        pause = _pause()
        while True:
            try:
                # The other servers wait, and take it up where this one leaves off if it dies.
                async with self._exclusively(f"intake {record.key}"):
                    if await self._registered(record):
                        await self._bring_registered(record.key)
            except StoreError as error:
                _log.error("intake_again", request=record.key, code=error.code)
            except Exception:
                # Whatever it is, its requester must not wait for nothing until the deadline.
                _log.exception("intake_failed", request=record.key)
                text = "The server failed to prepare the request."
                await end_and_tell(self._requests, record.key, text)
                raise
            else:
                return
            await pause.take()

    async def _bring_registered(self, key: str) -> None:
        shown = await self._assigned(key)
        if shown is not None and await self._program_kept(key, shown):
            await self._requests.enqueue(key)

    async def _registered(self, record: RequestRecord) -> bool:
        """Wait until the network's ids are known; False if the request ends before."""
        pause = _pause()
        while (known := await self._reconciled(record)) is None:
            if self._clock() > record.created_at + RECONCILE_FOR_S:
                text = "The request never reached the network."
                await end_quietly(self._requests, record.key, text)
                return False
            await pause.take()
        return known.state is State.ACCEPTED

    async def _reconciled(self, record: RequestRecord) -> RequestRecord | None:
        try:
            return await self._registrar.reconcile(record)
        except (NetworkError, Refusal) as error:
            _log.info("reconcile_again", request=record.key, code=error.code)
            return None

    async def _assigned(self, key: str) -> types_pb2.ProofRequest | None:
        """Wait until the request is assigned to us; None if it ends otherwise."""
        pause = _pause()
        while (record := await self._waiting(key)) is not None:
            try:
                shown = await self._ask(record)
                if shown.fulfiller or shown.fulfillment_status in FINAL:
                    return shown if await self._is_ours(key, shown) else None
            except NetworkError as error:
                _log.info("details_again", request=key, code=error.code)
            await pause.take()
        return None

    async def _ask(self, record: RequestRecord) -> types_pb2.ProofRequest:
        ask = types_pb2.GetProofRequestDetailsRequest(request_id=record.request_id or b"")
        answer = await self._upstream.call("GetProofRequestDetails", ask.SerializeToString())
        details = read(types_pb2.GetProofRequestDetailsResponse, answer)
        # The fields looked at here are the same in both dialects.
        return read(types_pb2.ProofRequest, details.request)

    async def _is_ours(self, key: str, shown: types_pb2.ProofRequest) -> bool:
        """Tell whether the request is ours to prove; if not, that ends it here."""
        if shown.fulfillment_status in FINAL:
            text = f"The network ended the request: {status_name(shown.fulfillment_status)}."
        elif await self._own.contains(shown.fulfiller):
            return True
        else:
            other = checksum_address(shown.fulfiller)
            text = f"The network assigned the request to {other}, not to this server."
        await end_quietly(self._requests, key, text)
        return False

    async def _program_kept(self, key: str, shown: types_pb2.ProofRequest) -> bool:
        """Have the program here; False if that is impossible, which ends the request."""
        pause = _pause()
        while await self._waiting(key) is not None:
            try:
                await self._programs.ensure(shown.vk_hash, shown.program_public_uri)
            except TransientSourceError as error:
                _log.warning("program_again", request=key, code=error.code, error=error.message)
            except (NetworkError, ProgramRefused) as error:
                await end_and_tell(self._requests, key, said(error), _error_of(error))
                return False
            else:
                return True
            await pause.take()
        return False

    async def _waiting(self, key: str) -> RequestRecord | None:
        record = await self._requests.by_key(key)
        return record if record is not None and record.state is State.ACCEPTED else None


def _pause() -> Pause:
    return Pause(FIRST_WAIT_S, LONGEST_WAIT_S)


def said(error: Sp1teeError) -> str:
    """Say what happened and what to do about it, as a requester reads it."""
    return f"{error.message} {error.advice}".strip()


def _error_of(error: Sp1teeError) -> int:
    """Choose the network's word: a program that does not fit its key, or anything else."""
    refused = isinstance(error, ProgramRefused)
    return types_pb2.VERIFICATION_KEY_MISMATCH if refused else types_pb2.UNKNOWN_FAILURE
