"""What is due comes in order of time, each once, and nothing before its time."""

from hypothesis import given
from hypothesis import strategies as st

from sp1tee.sim.network.agenda import Agenda

TIMES = st.lists(st.floats(0, 100), max_size=30)


@given(TIMES, TIMES)
def test_everything_comes_once_and_in_order_however_often_one_looks(
    noted: list[float], looks: list[float]
) -> None:
    agenda, seen = Agenda(), []
    for number, at in enumerate(noted):
        agenda.add(at, bytes([number]))
    for now in sorted(looks):
        found = list(agenda.due(now))
        assert all(noted[one[0]] <= now for one in found)
        seen += found
    last = max(looks, default=-1)
    wanted = sorted((at, number) for number, at in enumerate(noted) if at <= last)
    assert seen == [bytes([number]) for _, number in wanted]


def test_what_is_noted_while_one_looks_is_found_if_it_is_due() -> None:
    agenda, seen = Agenda(), []
    agenda.add(1, b"first")
    for one in agenda.due(5):
        seen.append(one)
        if one == b"first":
            agenda.add(2, b"second")
            agenda.add(6, b"later")
    assert seen == [b"first", b"second"]
    assert list(agenda.due(6)) == [b"later"]
