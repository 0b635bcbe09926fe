"""Bulk bytes between server and worker: inputs and programs this way, proofs the other.

A connection that is cut is taken up where it broke, so a large input is fetched once even over a
bad line.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import httpx

from sp1tee.errors import FulfillError, LeaseGone, ServerAway, TransferError, WorkerTokenRefused
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import persist
from sp1tee.tracing import outgoing

CHUNK_SIZE = 1 << 20

_OK, _CREATED, _NO_CONTENT, _PARTIAL = 200, 201, 204, 206
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_TOKEN_REFUSED = 401
_GONE = frozenset({404, 410})

Blob = Literal["stdin", "program"]
Sink = Callable[[bytes], Awaitable[None]]


class Transfers:
    """What a worker fetches and hands in; raises `WorkerTokenRefused` and `LeaseGone`."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def fetch(self, lease: Lease, blob: Blob, size: int, sink: Sink) -> None:
        """Feed a blob of exactly `size` bytes to `sink`, in order, each byte once.

        Tries again while the server is away. What `sink` raises ends it.

        Raises:
            TransferError: the server sends more or something else than announced.
        """
        download = _Download(self._http, lease, blob, size, sink)
        await persist(f"fetching {blob}", download.rest)

    async def hand_in(self, lease: Lease, proof: bytes) -> None:
        """Put a proof where `Finish` will look for it, once; may be done again.

        Raises:
            ServerAway: it may not have arrived.
            TransferError: the server does not take it.
        """
        headers = {**_holder(lease), "content-type": "application/octet-stream"}
        try:
            answer = await self._http.put(f"/proofs/{lease.id}", content=proof, headers=headers)
        except httpx.TransportError as error:
            raise _away(error) from None
        if answer.status_code not in (_OK, _CREATED, _NO_CONTENT):
            raise _refused(answer)


class _Download:
    """One blob on its way, over as many connections as it takes."""

    def __init__(
        self, http: httpx.AsyncClient, lease: Lease, blob: Blob, size: int, sink: Sink
    ) -> None:
        self._http = http
        self._path = f"/blobs/{blob}/{lease.id}"
        self._lease = lease
        self._size = size
        self._sink = sink
        self._got = 0

    async def rest(self) -> None:
        """Fetch what is missing over one connection."""
        headers = _holder(self._lease)
        if self._got:
            headers["range"] = f"bytes={self._got}-"
        try:
            async with self._http.stream("GET", self._path, headers=headers) as answer:
                self._check(answer)
                async for chunk in answer.aiter_raw(CHUNK_SIZE):
                    await self._take(chunk)
        except httpx.TransportError as error:
            raise _away(error) from None
        if self._got < self._size:
            raise ServerAway("The transfer ended early.")

    def _check(self, answer: httpx.Response) -> None:
        if answer.status_code != (_PARTIAL if self._got else _OK):
            raise _refused(answer)
        begins = f"bytes {self._got}-"
        if self._got and not answer.headers.get("content-range", "").startswith(begins):
            raise TransferError("The server does not continue a transfer where it broke.")

    async def _take(self, chunk: bytes) -> None:
        self._got += len(chunk)
        if self._got > self._size:
            raise TransferError("The server sends more than the lease announced.")
        await self._sink(chunk)


def _holder(lease: Lease) -> dict[str, str]:
    return {"sp1tee-lease": lease.token.hex(), **dict(outgoing())}


def _away(error: httpx.TransportError) -> ServerAway:
    return ServerAway(f"The transfer was cut: {type(error).__name__}.")


def _refused(answer: httpx.Response) -> FulfillError:
    status = answer.status_code
    if status == _TOKEN_REFUSED:
        return WorkerTokenRefused("The server does not accept this worker's token.")
    if status in _GONE:
        return LeaseGone("The server no longer lets this worker read or hand in.")
    if status in _PASSING:
        return ServerAway(f"The server answered a transfer with HTTP {status}.")
    return TransferError(f"The server answered a transfer with HTTP {status}.")
