"""A seed decides which faults come when, and every kind comes."""

from chaos.faults import KINDS
from chaos.schedule import EPOCH_ROUNDS, epochs


def test_the_same_seed_plans_the_same_faults() -> None:
    assert list(epochs(7, 100)) == list(epochs(7, 100))
    assert list(epochs(7, 100)) != list(epochs(8, 100))


def test_an_epoch_is_the_same_however_many_follow() -> None:
    short, long = list(epochs(7, 2 * EPOCH_ROUNDS)), list(epochs(7, 8 * EPOCH_ROUNDS))
    assert short == long[:2]


def test_the_rounds_are_as_many_as_were_asked_for() -> None:
    assert sum(len(epoch.rounds) for epoch in epochs(1, 60)) == 60


def test_every_kind_of_fault_comes_in_the_rounds_of_continuous_integration() -> None:
    for seed in range(30):
        kinds = frozenset[str]().union(*(epoch.kinds for epoch in epochs(seed, 50)))
        assert kinds == KINDS.keys()


def test_what_needs_a_network_comes_only_where_there_is_one() -> None:
    for epoch in epochs(3, 200):
        if not epoch.upstream:
            assert all(KINDS[kind].possible(upstream=False) for kind in epoch.kinds)


def test_faults_overlap_late_in_an_epoch_only() -> None:
    for epoch in epochs(5, 200):
        early = epoch.rounds[: EPOCH_ROUNDS // 2]
        assert all(len(strikes) == 1 for strikes in early)
    assert any(len(strikes) > 1 for epoch in epochs(5, 200) for strikes in epoch.rounds)
