"""GET /metrics on the worker listener, in Prometheus' text format."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sp1tee.serve.http import Exchange
from sp1tee.serve.queue_watch import QueueWatch
from sp1tee.serve.registry import Registry
from sp1tee.serve.rpc_stats import BOUNDS, RpcStats
from sp1tee.store.records import ArtifactKind
from sp1tee.store.store import Store

ROUTE: Final = "/metrics"

_CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"
_OUTBOX_LIMIT: Final = 1000
_OK: Final = 200


class Metrics:
    """What this server counts. Labels hold methods, states and path templates, nothing private."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.rpc = RpcStats()
        self._registry.register(self.rpc)
        self._http = Histogram(
            "sp1tee_http_seconds",
            "How long HTTP requests took.",
            ("path", "method", "status"),
            buckets=BOUNDS,
            registry=self._registry,
        )
        self._uploads = self._counter("sp1tee_uploads", "Finished uploads.", "kind")
        self._upload_bytes = self._counter("sp1tee_upload_bytes", "Bytes of them.", "kind")
        self._upstream = self._counter(
            "sp1tee_upstream_failures", "Calls upstream that failed.", "method", "status"
        )
        self._requests = self._gauge("sp1tee_requests", "Requests by state.", "state")
        self._queue_age = self._gauge("sp1tee_queue_age_seconds", "Age of the oldest queued one.")
        self._workers = self._gauge("sp1tee_workers", "Workers heard of lately.")
        self._outbox = self._gauge(
            "sp1tee_outbox_due", f"Endings the network must be told now, {_OUTBOX_LIMIT} at most."
        )

    def http(self, path: str, method: str, status: int, seconds: float) -> None:
        """Note an HTTP request that is over; `path` is a template."""
        self._http.labels(path, method, str(status)).observe(seconds)

    def upstream_failed(self, method: str, status: str) -> None:
        """Note a call to the upstream network that failed."""
        self._upstream.labels(method, status).inc()

    def upload(self, kind: ArtifactKind, size: int) -> None:
        """Note a finished upload."""
        self._uploads.labels(kind).inc()
        self._upload_bytes.labels(kind).inc(size)

    async def refresh(self, store: Store, queue: QueueWatch, registry: Registry) -> None:
        """Look at what is now."""
        for state, number in (await store.requests.counts()).items():
            self._requests.labels(state.value).set(number)
        self._outbox.set(len(await store.requests.outbox(_OUTBOX_LIMIT)))
        self._queue_age.set(queue.oldest_s())
        self._workers.set(len(registry.workers()))

    def text(self) -> bytes:
        """Write everything."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)


class MetricsPage:
    """The page that Prometheus reads."""

    def __init__(
        self, metrics: Metrics, store: Store, queue: QueueWatch, registry: Registry
    ) -> None:
        self._metrics = metrics
        self._store = store
        self._queue = queue
        self._registry = registry

    async def get(self, exchange: Exchange) -> None:
        """Answer GET."""
        await self._metrics.refresh(self._store, self._queue, self._registry)
        await exchange.answer(_OK, self._metrics.text(), content_type=_CONTENT_TYPE)
