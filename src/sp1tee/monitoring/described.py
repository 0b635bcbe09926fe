"""Metrics as data: declared once, made from that, and shown in the documents from that.

Names follow Prometheus' rules (base units, `_total` for counters). Labels take their values from
small closed sets: methods, states, stages, stable codes. Never a name that somebody outside chose.
"""

from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Described:
    """One metric.

    Attributes:
        name: as Prometheus stores it; a histogram's without `_bucket`, `_sum` and `_count`.
        kind: how it may be read.
        text: what it says, for people.
        labels: what tells its series apart.
        bounds: of a histogram's buckets, in the unit of its name.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Make it."""
        return Counter(self.name, self.text, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Make it."""
        return Gauge(self.name, self.text, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Make it."""
        return Histogram(self.name, self.text, self.labels, buckets=self.bounds, registry=registry)
