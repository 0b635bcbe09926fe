"""A second per request; with very many requests, so many questions a second."""

from sp1tee.serve.network.heard import CAPACITY, QUESTIONS_PER_S, Heard


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_an_answer_is_fresh_for_a_second() -> None:
    heard: Heard[str] = Heard()
    heard.note(key(1), "assigned", 100.0, final=False)
    assert heard.fresh(key(1), 100.9) == "assigned"
    assert heard.fresh(key(1), 101.0) is None
    assert heard.last(key(1)) == "assigned"


def test_with_very_many_requests_so_many_questions_a_second_are_asked_in_turn() -> None:
    heard: Heard[str] = Heard()
    many = 10_000
    now, asked = 0.0, 0
    for poll in range(60 * many):  # each every two seconds, for two minutes
        now = poll / (many / 2)
        if heard.fresh(key(poll % many), now) is None:
            heard.note(key(poll % many), "assigned", now, final=False)
            asked += now >= 60
    assert heard.fresh_s == many / QUESTIONS_PER_S
    assert QUESTIONS_PER_S / 2 <= asked / 60 <= QUESTIONS_PER_S


def test_requests_that_nobody_waits_for_any_more_do_not_slow_the_others() -> None:
    heard: Heard[str] = Heard()
    for number in range(5_000):
        heard.note(key(number), "assigned", 0.0, final=False)
    assert heard.fresh_s == 10
    heard.note(key(9_999), "assigned", 60.0, final=False)
    assert heard.fresh_s == 1
    assert heard.last(key(1)) == "assigned"


def test_a_final_answer_takes_nobody_s_time() -> None:
    heard: Heard[str] = Heard()
    for number in range(5_000):
        heard.note(key(number), "assigned", 0.0, final=False)
        heard.note(key(number), "fulfilled", 0.0, final=True)
    assert heard.fresh_s == 1
    assert heard.last(key(4_999)) == "fulfilled"


def test_memory_is_bounded() -> None:
    heard: Heard[str] = Heard(capacity=3)
    for number in range(5):
        heard.note(key(number), "assigned", 0.0, final=False)
        heard.note(key(100 + number), "fulfilled", 0.0, final=True)
    assert [number for number in range(5) if heard.last(key(number))] == [2, 3, 4]
    assert [number for number in range(5) if heard.last(key(100 + number))] == [2, 3, 4]
    assert CAPACITY >= 10_000
