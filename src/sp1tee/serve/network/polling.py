"""The upstream network's statuses, asked for as seldom as possible."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sp1tee.errors import NetworkError
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.reading import FINAL, read
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.wire.pb import types_pb2

FRESH_S = 1.0
CAPACITY = 10_000

Status = types_pb2.GetProofRequestStatusResponse


@dataclass(frozen=True, slots=True)
class Polled:
    """An answer of the network's about a request.

    Attributes:
        encoded: as it came.
        status: the same, decoded; for reading only.
    """

    encoded: bytes
    status: Status

    @property
    def is_final(self) -> bool:
        """Whether it can't change any more."""
        return self.status.fulfillment_status in FINAL


@dataclass(frozen=True, slots=True)
class _Entry:
    at: float
    outcome: Polled | NetworkError


class UpstreamStatuses:
    """Asks at most once a second for each request, however many clients poll.

    A final status is not asked for again. An error counts as an answer for a second, too: an
    outage must not be hammered on.

    Args:
        upstream: whom to ask.
        clock: monotonic seconds.
    """

    def __init__(self, upstream: Upstream, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._flights: SingleFlight[bytes, _Entry] = SingleFlight()

    async def get(self, request_id: bytes) -> Polled:
        """Return the status of a request, at most a second old unless it is final.

        Raises:
            NetworkError: the network could not be asked, or does not know the request.
        """
        entry = self._entries.get(request_id)
        if entry is None or not self._usable(entry):
            entry = await self._flights.run(request_id, lambda: self._ask(request_id))
        if isinstance(entry.outcome, NetworkError):
            # Raised again and again, it would drag an ever longer trace along.
            raise entry.outcome.with_traceback(None)
        return entry.outcome

    def peek(self, request_id: bytes) -> Polled | None:
        """Return the last status heard of, however old."""
        entry = self._entries.get(request_id)
        return entry.outcome if entry is not None and isinstance(entry.outcome, Polled) else None

    def forget(self, request_id: bytes) -> None:
        """Ask anew next time: what was heard is known to be out of date."""
        self._entries.pop(request_id, None)

    async def aclose(self) -> None:
        """Stop asking."""
        await self._flights.aclose()

    def _usable(self, entry: _Entry) -> bool:
        final = isinstance(entry.outcome, Polled) and entry.outcome.is_final
        return final or self._clock() - entry.at < FRESH_S

    async def _ask(self, request_id: bytes) -> _Entry:
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        outcome: Polled | NetworkError
        try:
            answer = await self._upstream.call("GetProofRequestStatus", request.SerializeToString())
            outcome = Polled(answer, read(Status, answer))
        except NetworkError as error:
            outcome = error
        entry = _Entry(self._clock(), outcome)
        self._entries[request_id] = entry
        self._entries.move_to_end(request_id)
        if len(self._entries) > CAPACITY:
            self._entries.popitem(last=False)
        return entry
