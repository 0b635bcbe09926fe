"""Counting calls cheaply, and telling Prometheus about them.

prometheus_client's own histograms take a lock for every bucket, which a server that answers ten
thousand polls a second would feel.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from grpc import StatusCode
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from sp1tee.serve.catalogue import RPC, RPC_SECONDS


@dataclass(slots=True)
class _MethodStats:
    codes: dict[StatusCode, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(RPC_SECONDS.bounds) + 1))
    seconds: float = 0.0


class RpcStats(Collector):
    """Counts and latencies of calls, by method and status."""

    def __init__(self) -> None:
        self._methods: dict[str, _MethodStats] = {}

    def observe(self, path: str, code: StatusCode, seconds: float) -> None:
        """Note a call; `path` must be a registered method's."""
        stats = self._methods.get(path)
        if stats is None:
            stats = self._methods[path] = _MethodStats()
        stats.codes[code] = stats.codes.get(code, 0) + 1
        stats.buckets[bisect_left(RPC_SECONDS.bounds, seconds)] += 1
        stats.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Give everything to Prometheus."""
        calls = CounterMetricFamily(RPC.name, RPC.text, labels=RPC.labels)
        latency = HistogramMetricFamily(
            RPC_SECONDS.name, RPC_SECONDS.text, labels=RPC_SECONDS.labels
        )
        for path, stats in self._methods.items():
            for code, number in stats.codes.items():
                calls.add_metric((path, code.name), number)
            latency.add_metric((path,), _cumulative(stats.buckets), stats.seconds)
        yield calls
        yield latency


def _cumulative(buckets: list[int]) -> list[tuple[str, float]]:
    below = 0
    made = []
    for bound, number in zip((*map(str, RPC_SECONDS.bounds), "+Inf"), buckets, strict=True):
        below += number
        made.append((bound, float(below)))
    return made
