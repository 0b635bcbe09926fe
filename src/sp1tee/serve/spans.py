"""Spans of a server: its calls, and its requests from acceptance to their end.

Imported only where traces are wanted: it needs ``sp1tee[otel]``.
"""

from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.http import App, Event, Receive, Scope, Send
from sp1tee.serve.http_app import METHODS
from sp1tee.serve.ports import is_grpc
from sp1tee.serve.routes import UNKNOWN, Route, find
from sp1tee.store.records import RequestRecord, State
from sp1tee.tracing import HEADER
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import worker_pb2

_UNPROVED: Final = frozenset({State.FAILED, State.EXPIRED})
_FAULTS: Final = 500
_PROPAGATOR: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Way:
    """A request on its way: its own span, and that of the state it is in."""

    whole: Span
    step: Span
    state: State


class RequestSpans:
    """Follows every request; for `Store.subscribe`. A restart begins new spans."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._ways: dict[str, _Way] = {}

    def changed(self, record: RequestRecord) -> None:
        """Take note of a request's change."""
        way = self._ways.get(record.key)
        if way is None:
            if record.is_open:
                whole = self._begin(record)
                self._ways[record.key] = _Way(whole, self._step(whole, record), record.state)
        elif way.state is not record.state:
            way.step.end()
            if record.is_open:
                way.step, way.state = self._step(way.whole, record), record.state
            else:
                del self._ways[record.key]
                way.whole.set_attribute("sp1tee.outcome", record.state.value)
                if record.state in _UNPROVED:
                    way.whole.set_status(StatusCode.ERROR)
                way.whole.end()

    def traceparent(self, key: str) -> str:
        """Return what links others' spans to the state that a request is in; may be empty."""
        way = self._ways.get(key)
        carrier: dict[str, str] = {}
        if way is not None:
            _PROPAGATOR.inject(carrier, set_span_in_context(way.step))
        return carrier.get(HEADER, "")

    def end(self) -> None:
        """End all spans: the server stops, and its requests go on after its next start."""
        for way in self._ways.values():
            way.step.end()
            way.whole.end()
        self._ways.clear()

    def _begin(self, record: RequestRecord) -> Span:
        facts = {"sp1tee.version": record.version, "sp1tee.mode": str(Mode.from_wire(record.mode))}
        return self._tracer.start_span(
            "request", Context(), attributes={"sp1tee.request": record.key, **facts}
        )

    def _step(self, whole: Span, record: RequestRecord) -> Span:
        return self._tracer.start_span(
            record.state.value,
            set_span_in_context(whole, Context()),
            attributes={"sp1tee.request": record.key, "sp1tee.attempt": record.attempts},
        )


class LinkedWorkers:
    """A Workers servicer whose leases tell workers which span theirs belong to."""

    def __init__(self, workers: Any, spans: RequestSpans) -> None:
        self._workers = workers
        self._spans = spans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._workers, name)

    async def Lease(  # noqa: N802 - gRPC's name
        self, request: worker_pb2.LeaseRequest, context: Any
    ) -> worker_pb2.LeaseReply:
        """Hand out a request, and in the reply's trailers the span to continue."""
        reply: worker_pb2.LeaseReply = await self._workers.Lease(request, context)
        if link := self._spans.traceparent(reply.lease.request):
            context.set_trailing_metadata((*context.trailing_metadata(), (HEADER, link)))
        return reply


class Traces:
    """What a server tells of its work.

    Attributes:
        requests: the spans of requests.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self.requests = RequestSpans(tracer)

    def linked(self, workers: Any) -> LinkedWorkers:
        """Have leases tell workers which span theirs belong to."""
        return LinkedWorkers(workers, self.requests)

    def app(self, app: App, bridge: GrpcBridge, routes: tuple[Route, ...], *, linked: bool) -> App:
        """Give each request to an app a span.

        Args:
            app: what answers.
            bridge: knows the methods.
            routes: the paths; what is quiet has no span.
            linked: whether clients may say which span theirs belong to.
        """

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            name = _name(scope, bridge, routes) if scope["type"] == "http" else None
            if name is None:
                await app(scope, receive, send)
                return
            span = self._tracer.start_span(name, _context(scope, linked=linked), SpanKind.SERVER)

            async def watched(event: Event) -> None:
                _note(span, event)
                await send(event)

            try:
                await app(scope, receive, watched)
            finally:
                span.end()

        return answered


def _name(scope: Scope, bridge: GrpcBridge, routes: tuple[Route, ...]) -> str | None:
    """Name a request by method or path template: a path itself may hold anything."""
    path = scope["path"]
    if is_grpc(scope):
        return path.removeprefix("/") if bridge.knows(path) else "(unknown method)"
    method = scope["method"] if scope["method"] in METHODS else "OTHER"
    found = find(routes, path)
    if found is None:
        return f"{method} {UNKNOWN}"
    return None if found[0].quiet else f"{method} {found[0].template}"


def _context(scope: Scope, *, linked: bool) -> Context:
    if not linked:
        return Context()
    said = next((value for name, value in scope["headers"] if name == HEADER.encode()), b"")
    return _PROPAGATOR.extract({HEADER: said.decode("latin-1")}, Context())


def _note(span: Span, event: Event) -> None:
    if event["type"] == "http.response.start":
        span.set_attribute("http.response.status_code", event["status"])
        if event["status"] >= _FAULTS:
            span.set_status(StatusCode.ERROR)
    elif event["type"] == "http.response.trailers":
        status = next((value for name, value in event["headers"] if name == b"grpc-status"), b"")
        span.set_attribute("rpc.grpc.status_code", int(status))
        if status != b"0":
            span.set_status(StatusCode.ERROR)
