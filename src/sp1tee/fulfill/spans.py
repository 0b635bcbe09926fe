"""Spans of a worker: each lease it works on, stage by stage, as part of the server's trace.

Imported only where traces are wanted: it needs ``sp1tee[otel]``.
"""

from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sp1tee.fulfill.figures import Result
from sp1tee.fulfill.heartbeat import Stage
from sp1tee.fulfill.lease import Lease
from sp1tee.tracing import HEADER, current

_PROPAGATOR: Final = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Work:
    whole: Span
    stage: Span


class JobSpans:
    """Makes a span for every job and for each of its stages."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._works: dict[str, _Work] = {}

    def enters(self, lease: Lease, stage: Stage) -> None:
        """Note that a job begins a stage; in the job's own task, whose calls are linked to it."""
        work = self._works.get(lease.id)
        if work is None:
            whole = self._begin(lease)
            work = self._works[lease.id] = _Work(whole, self._stage(whole, stage))
        else:
            work.stage.end()
            work.stage = self._stage(work.whole, stage)
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(work.stage, Context()))
        current.set(carrier.get(HEADER, ""))

    def ends(self, lease: Lease, result: Result) -> None:
        """Note that a job is over."""
        work = self._works.pop(lease.id, None)
        if work is not None:
            work.stage.end()
            work.whole.set_attribute("sp1tee.result", result)
            if result not in ("handed_in", "given_back"):
                work.whole.set_status(StatusCode.ERROR)
            work.whole.end()

    def _begin(self, lease: Lease) -> Span:
        return self._tracer.start_span(
            "job",
            _PROPAGATOR.extract({HEADER: lease.traceparent}, Context()),
            SpanKind.CONSUMER,
            attributes={"sp1tee.request": lease.request, "sp1tee.attempt": lease.attempt},
        )

    def _stage(self, whole: Span, stage: Stage) -> Span:
        return self._tracer.start_span(stage.name.lower(), set_span_in_context(whole, Context()))
