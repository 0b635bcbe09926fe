"""What both listeners work with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sp1tee.serve.background import Background
from sp1tee.serve.gate import Gate
from sp1tee.serve.health import Health
from sp1tee.serve.last_words import LastWords
from sp1tee.serve.metrics import Metrics
from sp1tee.serve.receiving import Patience
from sp1tee.serve.registry import Registry
from sp1tee.serve.settings import ServeSettings
from sp1tee.store.store import Store

if TYPE_CHECKING:
    from sp1tee.serve.spans import Traces


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
        last_words: what failed programs printed.
        traces: makes spans of calls and requests; None unless they are wanted.
    """

    settings: ServeSettings
    store: Store
    gate: Gate
    registry: Registry
    metrics: Metrics
    health: Health
    background: Background
    last_words: LastWords
    traces: "Traces | None"

    @property
    def patience(self) -> Patience:
        """How slow a body may be sent."""
        return Patience(self.settings.upload_idle_s, self.settings.upload_min_rate)
