"""PUT /proofs/{lease}: proofs that workers hand in, kept until `Finish` says that they count."""

import asyncio
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import LeaseLost, MockRefused, ProofMissing, ProofRefused
from sp1tee.serve.background import Background
from sp1tee.serve.examine import Examined, examine
from sp1tee.serve.http import Exchange
from sp1tee.serve.lease_header import lease_token
from sp1tee.serve.receiving import Patience, receive_blob
from sp1tee.store.records import WAITING_STATES, ExecutionFacts, RequestRecord, Result, SealedBlob
from sp1tee.store.store import Store

ROUTE: Final = "/proofs/{lease}"

_NO_CONTENT: Final = 204


@dataclass(frozen=True, slots=True)
class _HandIn:
    request: str
    sealed: SealedBlob
    examined: Examined


class HandIns:
    """Takes proofs in and examines them while their bytes are at hand.

    Args:
        store: where proofs go.
        limit: how many bytes one may have.
        patience: how slow it may be sent.
        allow_mock: whether mock proofs are taken.
        background: erases what is not needed any more.
    """

    def __init__(
        self,
        store: Store,
        limit: int,
        patience: Patience,
        *,
        allow_mock: bool,
        background: Background,
    ) -> None:
        self._store = store
        self._limit = limit
        self._patience = patience
        self._allow_mock = allow_mock
        self._background = background
        self._by_lease: dict[str, _HandIn] = {}
        store.subscribe(self._changed)

    async def put(self, exchange: Exchange) -> None:
        """Answer PUT. The proof of a lost lease is taken too: it may still come first."""
        lease_id = exchange.parameters["lease"]
        record = await self._store.requests.lease_record(lease_id, lease_token(exchange))
        if record is None or record.state not in WAITING_STATES:
            raise LeaseLost("There is no such lease, or its request has ended.")
        pieces: list[bytes] = []
        sealed = await receive_blob(
            exchange,
            self._store.vault,
            "proof",
            limit=self._limit,
            patience=self._patience,
            tap=pieces.append,
        )
        examined = await self._examine(record, pieces, sealed)
        self._keep(lease_id, _HandIn(record.key, sealed, examined))
        await exchange.answer(_NO_CONTENT)

    def result(
        self, lease_id: str, sha256: bytes, execution: ExecutionFacts, *, mock: bool
    ) -> Result:
        """Return what a lease's worker handed in, if it is what the worker says it is.

        Raises:
            ProofMissing: nothing was handed in, or the server has restarted since.
            ProofRefused: it is not what the worker says.
        """
        hand_in = self._by_lease.get(lease_id)
        if hand_in is None:
            raise ProofMissing("There is no proof of this lease here.")
        if hand_in.sealed.sha256 != sha256:
            raise ProofRefused("The proof that was PUT has another sha256.")
        if hand_in.examined.mock != mock:
            raise ProofRefused("A mock proof was declared a real one, or the other way round.")
        if hand_in.examined.public_values_hash != execution.public_values_hash:
            raise ProofRefused("The proof carries other public values than were reported.")
        return Result(execution, hand_in.sealed, mock)

    async def _examine(
        self, record: RequestRecord, pieces: list[bytes], sealed: SealedBlob
    ) -> Examined:
        try:
            return await asyncio.to_thread(_examine, record, pieces, allow_mock=self._allow_mock)
        except BaseException:
            self._erase(sealed)
            raise

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


def _examine(record: RequestRecord, pieces: list[bytes], *, allow_mock: bool) -> Examined:
    data = b"".join(pieces)
    pieces.clear()
    examined = examine(record, data)
    if examined.mock and not allow_mock:
        raise MockRefused("This is a mock proof, and this server takes none.")
    return examined
