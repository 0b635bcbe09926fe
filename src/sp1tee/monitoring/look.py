"""One look at a server: what its /health/ready and /metrics say, read strictly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from sp1tee.errors import ServerAway

Labels = frozenset[tuple[str, str]]

_UNREADABLE: Final = "The server's answer is not what a server of this release says."
# What the parsers raise on text that is none of theirs.
_NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker, as the server sees it.

    Attributes:
        name: the one it chose.
        state: ``active``, or what operators have made of it.
        seconds: since it was heard.
        versions: circuit versions that it proves.
        mock: whether its proofs prove nothing.
    """

    name: str
    state: str
    seconds: float
    versions: tuple[str, ...]
    mock: bool

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "WorkerSeen":
        """Read an entry of /health/ready."""
        proves = said["proves"]
        return cls(
            str(said["name"]),
            str(said.get("state", "active")),
            float(said["seen_s_ago"]),
            tuple(sorted({str(able["version"]) for able in proves})),
            any(able["mock"] for able in proves),
        )


@dataclass(frozen=True, slots=True)
class Health:
    """What /health/ready says.

    Attributes:
        why_not: a word on each part that is not as it should be; empty for a server that is ready.
        workers: who is there.
    """

    why_not: Mapping[str, str]
    workers: tuple[WorkerSeen, ...]

    @classmethod
    def read(cls, body: bytes) -> "Health":
        """Read the answer; raises `ServerAway` where it is none."""
        try:
            said = json.loads(body)
            why_not = {str(part): str(word) for part, word in said["why_not"].items()}
            return cls(why_not, tuple(map(WorkerSeen.read, said["workers"])))
        except _NONSENSE:
            raise ServerAway(_UNREADABLE) from None


@dataclass(frozen=True, slots=True)
class Figures:
    """What /metrics says: a number for each name and set of labels."""

    samples: Mapping[tuple[str, Labels], float]

    @classmethod
    def read(cls, body: bytes) -> "Figures":
        """Read the page; raises `ServerAway` where it is none."""
        try:
            families = list(text_string_to_metric_families(body.decode()))
        except _NONSENSE:
            raise ServerAway(_UNREADABLE) from None
        return cls(
            {
                (sample.name, frozenset(sample.labels.items())): sample.value
                for family in families
                for sample in family.samples
            }
        )

    def total(self, name: str, **labels: str) -> float:
        """Add up what has these labels; 0 where there is nothing."""
        wanted = labels.items()
        return sum(
            value
            for (found, having), value in self.samples.items()
            if found == name and wanted <= having
        )

    def by(self, name: str, label: str) -> dict[str, float]:
        """Add up by the values of a label."""
        sums: dict[str, float] = {}
        for (found, having), value in self.samples.items():
            if found == name and (key := dict(having).get(label)) is not None:
                sums[key] = sums.get(key, 0.0) + value
        return sums


@dataclass(frozen=True, slots=True)
class Look:
    """A server at a moment.

    Attributes:
        at: Unix seconds.
        health: what is going on.
        figures: how much of it.
    """

    at: float
    health: Health
    figures: Figures

    @property
    def uptime(self) -> float:
        """Seconds since the server started, by both clocks."""
        return max(0.0, self.at - self.figures.total("process_start_time_seconds"))


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast counters grew between two looks, or since the server started."""

    before: Look | None
    now: Look

    @property
    def seconds(self) -> float:
        """How long that is."""
        return self.now.uptime if self.before is None else self.now.at - self.before.at

    def per_second(self, name: str, **labels: str) -> float:
        """Return how much a counter grew each second; one that began anew grew from 0."""
        grown = now = self.now.figures.total(name, **labels)
        if self.before is not None and (was := self.before.figures.total(name, **labels)) <= now:
            grown = now - was
        return grown / self.seconds if self.seconds > 0 else 0.0
