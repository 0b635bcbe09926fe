"""What both listeners work with."""

from dataclasses import dataclass

from sp1tee.serve.background import Background
from sp1tee.serve.gate import Gate
from sp1tee.serve.health import Health
from sp1tee.serve.metrics import Metrics
from sp1tee.serve.receiving import Patience
from sp1tee.serve.registry import Registry
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.store import Store


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of one running server that several others need.

    Attributes:
        settings: what the operator set.
        store: what survives.
        gate: what is in flight on both listeners.
        registry: which workers are there.
        metrics: what is counted.
        health: how it is.
        background: small work that nobody waits for.
    """

    settings: ServeSettings
    store: Store
    gate: Gate
    registry: Registry
    metrics: Metrics
    health: Health
    background: Background

    @property
    def patience(self) -> Patience:
        """How slow a body may be sent."""
        return Patience(self.settings.upload_idle_s, self.settings.upload_min_rate)
