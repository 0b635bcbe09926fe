"""When a request that is pending is nobody's."""

from dataclasses import dataclass

from sp1tee.fulfill.provers.cluster.orphans import OrphanWatch


@dataclass
class Clock:
    """Seconds that pass on command only."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def watched() -> tuple[OrphanWatch, Clock]:
    clock = Clock()
    return OrphanWatch(30.0, 5.0, clock), clock


def answers(watch: OrphanWatch, clock: Clock, known: bool, times: int) -> list[bool]:
    made = []
    for _ in range(times):
        clock.now += 5
        assert watch.due
        made.append(watch.note(known=known))
        assert not watch.due
    return made


def test_nobody_has_known_it_for_half_a_minute():
    watch, clock = watched()
    assert answers(watch, clock, False, 7) == [False] * 6 + [True]


def test_whoever_takes_it_up_has_all_the_time_again():
    watch, clock = watched()
    assert not any(answers(watch, clock, False, 6))
    assert not any(answers(watch, clock, True, 1))
    assert not any(answers(watch, clock, False, 6))


def test_a_time_in_which_nobody_could_be_asked_does_not_count():
    watch, clock = watched()
    assert not any(answers(watch, clock, False, 2))
    clock.now += 3600
    assert not watch.note(known=False)
    assert answers(watch, clock, False, 6) == [False] * 5 + [True]
