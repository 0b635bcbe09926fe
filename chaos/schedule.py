"""Which faults come when: drawn from a seed alone, so that a failure can be had again.

Kinds are dealt from a shuffled deck, which is shuffled anew when it is empty: each comes once
before any comes twice, and all come in two epochs. Epochs take turns: upstream, stand-alone. In the
last third of an epoch up to three faults overlap.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chaos.faults import KINDS
from chaos.faults.kind import Kind

EPOCH_ROUNDS = 25
MOST_AT_ONCE = 3
LATEST_S = 0.4
"""A fault comes so many seconds after its round has begun, or sooner."""

_OVERLAP_FROM = 2 / 3
_OVERLAP_CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault of a round.

    Attributes:
        kind: its name.
        seed: decides about all that is left to chance in it.
        after_s: when it comes, in seconds from the round's begin.
    """

    kind: str
    seed: str
    after_s: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """Rounds that share processes and books.

    Attributes:
        number: counted from 0.
        upstream: whether there is a network behind the server.
        seed: decides about the load.
        rounds: what strikes in each.
    """

    number: int
    upstream: bool
    seed: str
    rounds: tuple[tuple[Strike, ...], ...]

    @property
    def kinds(self) -> frozenset[str]:
        """The names of all that strikes."""
        return frozenset(strike.kind for strikes in self.rounds for strike in strikes)


class _Dealer:
    """Deals kinds from two decks: what needs a network is dealt in each epoch that has one."""

    def __init__(self, rng: random.Random, kinds: Mapping[str, Kind]) -> None:
        self._rng = rng
        self._network = [n for n, kind in kinds.items() if not kind.possible(upstream=False)]
        self._anywhere = [n for n, kind in kinds.items() if kind.possible(upstream=False)]
        self._deck: list[str] = []

    def deal(self, count: int, *, upstream: bool) -> list[str]:
        """Deal so many kinds, in the order in which they strike."""
        wanted = self._network if upstream else []
        apart = self._rng.sample(wanted, min(len(wanted), count))
        # As many as surely strike, and then the ones that overlap.
        first = [*apart, *(self._next() for _ in range(EPOCH_ROUNDS - len(apart)))]
        self._rng.shuffle(first)
        return first + [self._next() for _ in range(count - len(first))]

    def _next(self) -> str:
        if not self._deck:
            self._deck = self._anywhere or list(self._network)
            self._deck = self._rng.sample(self._deck, len(self._deck))
        return self._deck.pop()


def epochs(seed: int, rounds: int, kinds: Mapping[str, Kind] = KINDS) -> Iterator[Epoch]:
    """Plan so many rounds."""
    rng = random.Random(seed)
    dealer = _Dealer(rng, kinds)
    for number, start in enumerate(range(0, rounds, EPOCH_ROUNDS)):
        # Drawn for a whole epoch, also of one that is cut short: so an epoch depends on the seed.
        counts = [_at_once(rng, index) for index in range(EPOCH_ROUNDS)]
        upstream = number % 2 == 0
        dealt = iter(dealer.deal(sum(counts), upstream=upstream))
        planned = [
            tuple(
                Strike(next(dealt), f"{seed}:{number}:{index}:{n}", rng.uniform(0.0, LATEST_S))
                for n in range(count)
            )
            for index, count in enumerate(counts)
        ]
        yield Epoch(number, upstream, f"{seed}:{number}", tuple(planned[: rounds - start]))


def _at_once(rng: random.Random, index: int) -> int:
    late = index >= EPOCH_ROUNDS * _OVERLAP_FROM and rng.random() < _OVERLAP_CHANCE
    return rng.randint(2, MOST_AT_ONCE) if late else 1
