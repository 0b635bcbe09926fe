"""GET /metrics on the worker listener, in Prometheus' text format."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from sp1tee.errors import StoreError
from sp1tee.monitoring.page import CONTENT_TYPE, new_registry, page
from sp1tee.serve import catalogue
from sp1tee.serve.free_space import free_bytes
from sp1tee.serve.health import Health
from sp1tee.serve.http import Exchange
from sp1tee.serve.lifecycle import Lifecycle, Untold
from sp1tee.serve.registry import Registry
from sp1tee.serve.rpc_stats import RpcStats
from sp1tee.store.records import ArtifactKind, RequestRecord
from sp1tee.store.store import Store

ROUTE: Final = "/metrics"

_OK: Final = 200
_MOST_UNTOLD: Final = 10_000


class Metrics:
    """What this server counts. Labels hold methods, states and path templates, nothing private."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count; `clock` is the time that the store goes by."""
        self._clock = clock
        self._registry = registry = new_registry()
        self.rpc = RpcStats()
        registry.register(self.rpc)
        self._lifecycle = Lifecycle(registry, wall=clock)
        self._untold = Untold(registry)
        self._http = catalogue.HTTP_SECONDS.histogram(registry)
        self._refusals = catalogue.REFUSALS.counter(registry)
        self._closed = catalogue.CONNECTIONS_CLOSED.counter(registry)
        self._lost = catalogue.LOST.counter(registry)
        self._uploads = catalogue.UPLOADS.counter(registry)
        self._upload_bytes = catalogue.UPLOAD_BYTES.counter(registry)
        self._upstream = catalogue.UPSTREAM_CALLS.counter(registry)
        self._requests = catalogue.REQUESTS.gauge(registry)
        self._workers = catalogue.WORKERS.gauge(registry)
        self._parts = catalogue.PART_READY.gauge(registry)
        self._disk_free = catalogue.DISK_FREE.gauge(registry)

    async def follow(
        self, store: Store, open_records: Sequence[RequestRecord], *, upstream: bool
    ) -> None:
        """Follow every change in a store; with `upstream`, also what a network is to be told."""
        self._lifecycle.begin(open_records)
        store.witness(self._lifecycle.made)
        store.subscribe(self._lifecycle.changed)
        if upstream:
            untold = [*await store.requests.outbox(_MOST_UNTOLD), *open_records]
            self._untold.begin(untold, self._clock)
            store.subscribe(self._untold.changed)

    def http(self, path: str, method: str, status: int, seconds: float) -> None:
        """Note an HTTP request that is over; `path` is a template."""
        self._http.labels(path, method, str(status)).observe(seconds)

    def refused(self, listener: str, code: str) -> None:
        """Note a refusal by its stable code."""
        self._refusals.labels(listener, code).inc()

    def connections_closed(self, listener: str, reason: str, number: int) -> None:
        """Note connections that were broken off."""
        self._closed.labels(listener, reason).inc(number)

    def leases_lost(self, number: int) -> None:
        """Note leases whose workers fell silent."""
        self._lost.inc(number)

    def upstream_answered(self, method: str, status: str) -> None:
        """Note a call to the upstream network that is over."""
        self._upstream.labels(method, status).inc()

    def upload(self, kind: ArtifactKind, size: int) -> None:
        """Note a finished upload."""
        self._uploads.labels(kind).inc()
        self._upload_bytes.labels(kind).inc(size)

    def found(self, parts: Mapping[str, bool]) -> None:
        """Note which parts of the service are as they should be."""
        for part, ready in parts.items():
            self._parts.labels(part).set(ready)

    async def refresh(self, store: Store, registry: Registry, data_dir: Path) -> None:
        """Look at what is now; a store that fails leaves its figures as they were."""
        with suppress(StoreError):
            for state, number in (await store.requests.counts()).items():
                self._requests.labels(state.value).set(number)
        for name, number in (await registry.states()).items():
            self._workers.labels(name).set(number)
        self._disk_free.set(await free_bytes(data_dir))
        self._lifecycle.refresh()
        self._untold.refresh()

    def text(self) -> bytes:
        """Write everything."""
        return page(self._registry)


class MetricsPage:
    """The page that Prometheus reads."""

    def __init__(
        self, metrics: Metrics, health: Health, store: Store, registry: Registry, data_dir: Path
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._store = store
        self._registry = registry
        self._data_dir = data_dir

    async def get(self, exchange: Exchange) -> None:
        """Answer GET."""
        self._metrics.found(self._health.parts())
        await self._metrics.refresh(self._store, self._registry, self._data_dir)
        await exchange.answer(_OK, self._metrics.text(), content_type=CONTENT_TYPE.encode())
