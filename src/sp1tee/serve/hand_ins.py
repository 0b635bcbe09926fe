"""PUT /proofs/{lease}: proofs that workers hand in, kept until `Finish` says that they count."""

import asyncio
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import LeaseLost, MockRefused, ProofMissing, ProofRefused, Refusal
from sp1tee.serve.background import Background
from sp1tee.serve.caller import caller
from sp1tee.serve.examine import Examined, examine
from sp1tee.serve.http import Exchange
from sp1tee.serve.lease_header import lease_token
from sp1tee.serve.receiving import Patience, receive_blob
from sp1tee.store.records import WAITING_STATES, ExecutionFacts, RequestRecord, Result, SealedBlob
from sp1tee.store.store import Store

ROUTE: Final = "/proofs/{lease}"

_NO_CONTENT: Final = 204
_KEPT_S: Final = 1800.0
"""The vault removes files whose keys are not recorded within an hour."""


@dataclass(frozen=True, slots=True)
class _HandIn:
    request: str
    token: bytes = field(repr=False)
    holder: str | None
    sealed: SealedBlob
    examined: Examined
    until: float


class HandIns:
    """Takes proofs in and examines them while their bytes are at hand.

    Args:
        store: where proofs go.
        limit: how many bytes one may have.
        patience: how slow it may be sent.
        allow_mock: whether mock proofs are taken.
        background: erases what is not needed any more.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        store: Store,
        limit: int,
        patience: Patience,
        *,
        allow_mock: bool,
        background: Background,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._store = store
        self._limit = limit
        self._patience = patience
        self._allow_mock = allow_mock
        self._background = background
        self._by_lease: dict[str, _HandIn] = {}
        store.subscribe(self._changed)

    async def put(self, exchange: Exchange) -> None:
        """Answer PUT. The proof of a lost lease is taken too: it may still come first."""
        lease_id, token = exchange.parameters["lease"], lease_token(exchange)
        record = await self._wanted(lease_id, token)
        exchange.about = record.key
        pieces: list[bytes] = []
        sealed = await receive_blob(
            exchange,
            self._store.vault,
            "proof",
            limit=self._limit,
            patience=self._patience,
            hashed=True,
            tap=pieces.append,
        )
        try:
            examined = await asyncio.to_thread(
                _examine, record, pieces, allow_mock=self._allow_mock
            )
            await self._wanted(lease_id, token)
        except (ProofRefused, MockRefused):
            self._erase(sealed)
            await self._store.requests.note_refused(lease_id, token, identity=caller())
            raise
        except BaseException:
            self._erase(sealed)
            raise
        until = self._clock() + _KEPT_S
        self._keep(lease_id, _HandIn(record.key, token, caller(), sealed, examined, until))
        await exchange.answer(_NO_CONTENT)

    @contextmanager
    def counting(
        self,
        lease_id: str,
        token: bytes,
        sha256: bytes,
        execution: ExecutionFacts,
        *,
        mock: bool,
    ) -> Iterator[Result]:
        """Lend out what a lease's worker handed in, if it is what the worker says it is.

        The block lets it count in the store. When the store refuses it, it is erased there.

        Raises:
            ProofMissing: nothing was handed in, or the server has restarted since.
            LeaseLost: the token is not the lease's.
            ProofRefused: it is not what the worker says.
        """
        hand_in = self._by_lease.get(lease_id)
        if hand_in is None or hand_in.until < self._clock():
            raise ProofMissing("There is no proof of this lease here.")
        _check(hand_in, token, sha256, execution.public_values_hash, mock=mock)
        # From here on, a newer proof of the same lease must not erase this one.
        del self._by_lease[lease_id]
        try:
            yield Result(execution, hand_in.sealed, mock)
        except Refusal:
            raise
        except BaseException:
            self._keep_older(lease_id, hand_in)
            raise

    async def _wanted(self, lease_id: str, token: bytes) -> RequestRecord:
        """Return the request of a lease that still waits for a proof; raises `LeaseLost`."""
        record = await self._store.requests.lease_record(lease_id, token, identity=caller())
        if record is None or record.state not in WAITING_STATES:
            raise LeaseLost("There is no such lease, or its request has ended.")
        return record

    def _keep_older(self, lease_id: str, hand_in: _HandIn) -> None:
        if self._by_lease.setdefault(lease_id, hand_in) is not hand_in:
            self._erase(hand_in.sealed)

    def _keep(self, lease_id: str, hand_in: _HandIn) -> None:
        older = self._by_lease.pop(lease_id, None)
        self._by_lease[lease_id] = hand_in
        if older is not None:
            self._erase(older.sealed)

    def _changed(self, record: RequestRecord) -> None:
        """Let go of what was handed in for a request that needs no proof any more."""
        if record.state in WAITING_STATES:
            return
        ended = [
            lease for lease, hand_in in self._by_lease.items() if hand_in.request == record.key
        ]
        for lease_id in ended:
            sealed = self._by_lease.pop(lease_id).sealed
            if sealed.id != record.proof_blob:
                self._erase(sealed)

    def _erase(self, sealed: SealedBlob) -> None:
        self._background.begin(self._store.vault.erase_files([sealed.id]))


def _check(
    hand_in: _HandIn, token: bytes, sha256: bytes, public_values_hash: bytes, *, mock: bool
) -> None:
    if hand_in.holder != caller() or not hmac.compare_digest(hand_in.token, token):
        raise LeaseLost("There is no such lease.")
    if hand_in.sealed.sha256 != sha256:
        raise ProofRefused("The proof that was PUT has another sha256.")
    if hand_in.examined.mock != mock:
        raise ProofRefused("A mock proof was declared a real one, or the other way round.")
    if hand_in.examined.public_values_hash != public_values_hash:
        raise ProofRefused("The proof carries other public values than were reported.")


def _examine(record: RequestRecord, pieces: list[bytes], *, allow_mock: bool) -> Examined:
    data = b"".join(pieces)
    pieces.clear()
    examined = examine(record, data)
    if examined.mock and not allow_mock:
        raise MockRefused("This is a mock proof, and this server takes none.")
    return examined
