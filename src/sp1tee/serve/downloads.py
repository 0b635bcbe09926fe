"""GET /proofs/{token} for requesters, GET /blobs/… for the worker that holds a lease."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import BlobErased, LeaseLost, NoSuchPath
from sp1tee.serve.caller import caller
from sp1tee.serve.http import Exchange
from sp1tee.serve.lease_header import lease_token
from sp1tee.serve.sending import send_blob
from sp1tee.store.records import Leased, RequestRecord, State
from sp1tee.store.store import Store

PROOF_ROUTE: Final = "/proofs/{token}"
STDIN_ROUTE: Final = "/blobs/stdin/{lease}"
PROGRAM_ROUTE: Final = "/blobs/program/{lease}"

_MOCK: Final = ((b"sp1tee-mock", b"true"),)
_LONGEST_TOKEN: Final = 64


class Proofs:
    """Hands proofs to whoever was told their address."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, exchange: Exchange) -> None:
        """Answer GET and HEAD with ProofFromNetwork bytes."""
        token = exchange.parameters["token"]
        record = None
        if len(token) <= _LONGEST_TOKEN:
            record = await self._store.requests.by_proof_token(token)
        if record is None or record.proof_blob is None:
            raise _no_proof()
        exchange.about = record.key
        try:
            size = await self._store.vault.size(record.proof_blob)
        except BlobErased:
            raise _no_proof() from None
        headers = _MOCK if record.mock else ()
        await send_blob(exchange, self._store.vault, record.proof_blob, size, headers=headers)


@dataclass(eq=False, slots=True)
class _Reading:
    """A download that a lease allows, as long as it holds."""

    request: str
    lost: bool = False

    def check(self) -> None:
        """Raise `LeaseLost` once the lease holds no more."""
        if self.lost:
            raise LeaseLost("The lease was lost while its input was sent.")


class Blobs:
    """Hands inputs and programs to workers, each to the holder of the lease and while it holds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readings: set[_Reading] = set()
        store.subscribe(self._changed)

    async def get_stdin(self, exchange: Exchange) -> None:
        """Answer GET and HEAD with the input as it was uploaded."""
        leased = await self._leased(exchange)
        await self._send(exchange, leased, leased.stdin.blob, leased.stdin.size)

    async def get_program(self, exchange: Exchange) -> None:
        """Answer GET and HEAD with the plain ELF."""
        leased = await self._leased(exchange)
        await self._send(exchange, leased, leased.program.blob, leased.program.size)

    async def _leased(self, exchange: Exchange) -> Leased:
        lease_id = exchange.parameters["lease"]
        leased = await self._store.requests.by_lease(
            lease_id, lease_token(exchange), identity=caller()
        )
        if leased is None:
            raise LeaseLost("There is no such lease, or it is lost.")
        exchange.about = leased.record.key
        return leased

    async def _send(
        self, exchange: Exchange, leased: Leased, blob: str | None, size: int | None
    ) -> None:
        if blob is None or size is None:
            raise LeaseLost("What this lease was about is erased.")
        with self._reading(leased.record.key) as reading:
            await send_blob(exchange, self._store.vault, blob, size, allowed=reading.check)

    @contextmanager
    def _reading(self, request: str) -> Iterator[_Reading]:
        reading = _Reading(request)
        self._readings.add(reading)
        try:
            yield reading
        finally:
            self._readings.discard(reading)

    def _changed(self, record: RequestRecord) -> None:
        if record.state is not State.LEASED:
            for reading in self._readings:
                reading.lost = reading.lost or reading.request == record.key


def _no_proof() -> NoSuchPath:
    return NoSuchPath(
        "There is no such proof, or it is kept no longer.",
        advice="Ask for the request's status: it has the address of the proof.",
    )
