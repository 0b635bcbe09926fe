"""Sights: what resolvers see, with those together that see the same."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sp1tee.verify.caa.records import Grant, grants
from sp1tee.verify.caa.views import CaaFacts, Relevant, Seen, Unanswered, View


@dataclass(frozen=True, slots=True)
class Sight:
    """One set, and the resolvers that see it.

    Attributes:
        resolvers: as they were named.
        seen: the set; its TTL is the longest that any of them gave.
    """

    resolvers: tuple[str, ...]
    seen: Relevant
    ttl: int | None

    @property
    def by(self) -> str:
        """Name the resolvers."""
        return ", ".join(self.resolvers)

    def grants(self, *, wildcard: bool) -> tuple[Grant, ...] | None:
        """Read the records that count; None: none does, and everybody may issue."""
        return grants(self.seen.records, wildcard=wildcard)


def _sights(views: Iterable[View], of: Callable[[View], Seen | None]) -> tuple[Sight, ...]:
    """Gather what was seen; resolvers that did not answer see nothing."""
    gathered: dict[Relevant, list[tuple[str, int | None]]] = {}
    for view in views:
        seen = of(view)
        if isinstance(seen, Relevant):
            gathered.setdefault(seen, []).append((view.resolver, seen.ttl))
    return tuple(
        Sight(
            tuple(name for name, _ in found),
            seen,
            max((ttl for _, ttl in found if ttl is not None), default=None),
        )
        for seen, found in gathered.items()
    )


def troubles(view: View) -> tuple[Unanswered, ...]:
    """List why a resolver's view is incomplete."""
    return tuple(
        dict.fromkeys(seen for seen in (view.host, view.parent) if isinstance(seen, Unanswered))
    )


def host_sights(facts: CaaFacts) -> tuple[Sight, ...]:
    """Gather what governs the host."""
    return _sights(facts.views, lambda view: view.host)


def parent_sights(facts: CaaFacts) -> tuple[Sight, ...]:
    """Gather what governs wildcards that match the host."""
    return _sights(facts.views, lambda view: view.parent)
