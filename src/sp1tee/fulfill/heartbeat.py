"""Heartbeats from a thread of their own, over a connection of their own.

A lease is lost when beats stop, so nothing the worker does may hold them up: not a blocked event
loop, not a long transfer, not a proof.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final, Protocol, cast

import grpc

from sp1tee.errors import FulfillError, ServerAway
from sp1tee.fulfill.endpoint import Endpoint
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import Grumble
from sp1tee.fulfill.server import translate
from sp1tee.wire.pb import worker_pb2
from sp1tee.wire.pb.worker_pb2_grpc import WorkersStub

BEATS_PER_TTL: Final = 3
# After a beat that failed the next one comes sooner: the lease may be about to end.
_AGAIN_SECONDS: Final = 1.0


class Stage(IntEnum):
    """What a worker does with a lease; the numbers are those of the protocol's ``Stage``."""

    WAITING = 1
    FETCHING = 2
    EXECUTING = 3
    PROVING = 4
    CHECKING = 5
    HANDING_IN = 6


@dataclass(frozen=True, slots=True)
class Beat:
    """What is said of one lease.

    Attributes:
        lease: the lease to keep alive.
        stage: what is being done with it.
    """

    lease: Lease
    stage: Stage

    def to_wire(self) -> worker_pb2.HeartbeatRequest.Beat:
        """Encode it."""
        return worker_pb2.HeartbeatRequest.Beat(
            lease_id=self.lease.id,
            lease_token=self.lease.token,
            stage=worker_pb2.Stage.ValueType(self.stage),
        )


class Pulse(Protocol):
    """Sends beats."""

    def __call__(self, beats: Sequence[Beat], seconds: float) -> Sequence[str]:
        """Send them within so many seconds; return the leases to drop.

        Raises:
            ServerAway: nobody answered; the next beat may get through.
            FulfillError: the server takes no beats of this worker.
        """

    def close(self) -> None:
        """End a beat that is on its way, and take no more."""


class Heart:
    """Keeps this worker's leases alive until they are forgotten."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._beats: dict[str, Beat] = {}
        self._due = 0.0
        self._stopped = False
        self._changed = threading.Condition()
        self._away = Grumble("heartbeat")

    @contextmanager
    def beating(
        self, on_drop: Callable[[str], object], on_refused: Callable[[FulfillError], object]
    ) -> Iterator[None]:
        """Beat while the block runs.

        Args:
            on_drop: told, in the heart's thread, which lease the server wants dropped.
            on_refused: told, in the heart's thread, why the server takes no more beats.
        """
        thread = threading.Thread(
            target=self._run, args=(on_drop, on_refused), name="heartbeat", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify()
            self._pulse.close()
            thread.join()

    def keep(self, lease: Lease) -> None:
        """Begin to beat for a lease, the first time a third of its time from now."""
        with self._changed:
            first = time.monotonic() + lease.ttl / BEATS_PER_TTL
            self._due = min(self._due, first) if self._beats else first
            self._beats[lease.id] = Beat(lease, Stage.FETCHING)
            self._changed.notify()

    def tell(self, lease: Lease, stage: Stage) -> None:
        """Say from now on that the work on a lease is at `stage`."""
        with self._changed:
            self._beats[lease.id] = replace(self._beats[lease.id], stage=stage)

    def forget(self, lease: Lease) -> None:
        """Stop beating for a lease."""
        with self._changed:
            self._beats.pop(lease.id, None)

    def _run(
        self, on_drop: Callable[[str], object], on_refused: Callable[[FulfillError], object]
    ) -> None:
        while beats := self._next():
            try:
                for lease_id in self._send(beats):
                    on_drop(lease_id)
            except FulfillError as error:
                on_refused(error)
            except Exception as error:  # noqa: BLE001 - a heart that dies unnoticed loses all leases
                on_refused(FulfillError(f"The heartbeat failed: {type(error).__name__}."))

    def _next(self) -> tuple[Beat, ...]:
        """Sleep until beats are due and return them; none once stopped."""
        with self._changed:
            while not self._stopped:
                left = self._due - time.monotonic()
                if self._beats and left <= 0:
                    self._due = time.monotonic() + self._interval
                    return tuple(self._beats.values())
                self._changed.wait(left if self._beats else None)
        return ()

    @property
    def _interval(self) -> float:
        return min(beat.lease.ttl for beat in self._beats.values()) / BEATS_PER_TTL

    def _send(self, beats: Sequence[Beat]) -> Sequence[str]:
        seconds = min(beat.lease.ttl for beat in beats) / BEATS_PER_TTL
        try:
            return self._pulse(beats, seconds)
        except ServerAway as error:
            if not self._stopped:
                self._away(error)
            self._hurry()
            return ()

    def _hurry(self) -> None:
        with self._changed:
            self._due = min(self._due, time.monotonic() + _AGAIN_SECONDS)


class GrpcPulse:
    """Sends beats over a gRPC channel that nothing else uses."""

    def __init__(self, endpoint: Endpoint, worker: str) -> None:
        self._channel = endpoint.channel()
        self._stub = WorkersStub(self._channel)
        self._metadata = endpoint.metadata
        self._worker = worker

    def __call__(self, beats: Sequence[Beat], seconds: float) -> Sequence[str]:
        """Send them; raises what `translate` makes of a failure."""
        request = worker_pb2.HeartbeatRequest(
            worker=self._worker, beats=[beat.to_wire() for beat in beats]
        )
        try:
            reply = self._stub.Heartbeat(request, timeout=seconds, metadata=self._metadata)
        except grpc.RpcError as error:
            raise translate(*_status(error)) from None
        except ValueError:
            raise ServerAway("The connection was closed.") from None
        return tuple(reply.drop)

    def close(self) -> None:
        """End a beat that is on its way, and take no more."""
        self._channel.close()


def _status(error: grpc.RpcError) -> tuple[grpc.StatusCode, str | None]:
    # What a call raises is the call itself; the stubs know the base class only.
    call = cast("grpc.Call", error)
    return call.code(), call.details()
