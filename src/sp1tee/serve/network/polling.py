"""The upstream network's statuses, asked for as seldom as possible."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sp1tee import logs
from sp1tee.errors import NetworkError
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.heard import Heard
from sp1tee.serve.network.reading import FINAL, read
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.wire.pb import types_pb2

_log = logs.get(__name__)

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


_Outcome = Polled | NetworkError


class UpstreamStatuses:
    """Asks at most once a second for each request, however many clients poll.

    A final status is not asked for again. An error counts as an answer, too: an outage must not be
    hammered on. With very many requests their statuses are asked for less often, see `Heard`.

    Args:
        upstream: whom to ask.
        clock: monotonic seconds.
    """

    def __init__(self, upstream: Upstream, clock: Callable[[], float] = time.monotonic) -> None:
        self._upstream = upstream
        self._clock = clock
        self._heard: Heard[_Outcome] = Heard()
        self._flights: SingleFlight[bytes, _Outcome] = SingleFlight()

    async def get(self, request_id: bytes, *, about: str = "") -> Polled:
        """Return the status of a request, at most a second old unless it is final.

        Args:
            request_id: the network's name of it, which is in no log.
            about: ours, if it has one.

        Raises:
            NetworkError: the network could not be asked, or does not know the request.
        """
        outcome = self._usable(request_id)
        if outcome is None:
            outcome = await self._flights.run(request_id, lambda: self._ask(request_id, about))
        if isinstance(outcome, NetworkError):
            # Raised again and again, it would drag an ever longer trace along.
            raise outcome.with_traceback(None)
        return outcome

    def peek(self, request_id: bytes) -> Polled | None:
        """Return the last status heard of, however old."""
        outcome = self._heard.last(request_id)
        return outcome if isinstance(outcome, Polled) else None

    def forget(self, request_id: bytes) -> None:
        """Ask anew next time: what was heard is known to be out of date."""
        self._heard.forget(request_id)

    async def aclose(self) -> None:
        """Stop asking."""
        await self._flights.aclose()

    def _usable(self, request_id: bytes) -> _Outcome | None:
        heard = self.peek(request_id)
        if heard is not None and heard.is_final:
            return heard
        return self._heard.fresh(request_id, self._clock())

    async def _ask(self, request_id: bytes, about: str) -> _Outcome:
        request = types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        outcome: _Outcome
        try:
            answer = await self._upstream.call("GetProofRequestStatus", request.SerializeToString())
            outcome = Polled(answer, read(Status, answer))
        except NetworkError as error:
            # Here, not where it is told: a thousand polls may be told of one failed question.
            _log.info("status_unknown", code=error.code, **({"request": about} if about else {}))
            outcome = error
        final = isinstance(outcome, Polled) and outcome.is_final
        self._heard.note(request_id, outcome, self._clock(), final=final)
        return outcome
