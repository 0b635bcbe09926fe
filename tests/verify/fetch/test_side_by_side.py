"""Asking several at once."""

import threading

import pytest

from sp1tee.verify.fetch.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_items() -> None:
    last = threading.Event()

    def call(number: int) -> int:
        if number == 0:
            last.wait(60)
        if number == 9:
            last.set()
        return number * number

    assert side_by_side(call, range(10), at_once=3) == tuple(n * n for n in range(10))


def test_no_more_are_asked_at_once_than_may_be() -> None:
    here, seen, lock = 0, [], threading.Lock()

    def call(_: int) -> None:
        nonlocal here
        with lock:
            here += 1
            seen.append(here)
        with lock:
            here -= 1

    side_by_side(call, range(200), at_once=4)
    assert len(seen) == 200
    assert max(seen) <= 4


def test_nobody_to_ask_is_no_question() -> None:
    assert side_by_side(str, [], at_once=4) == ()


def test_an_error_is_raised_where_the_answer_is_waited_for() -> None:
    def call(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        side_by_side(call, [1, 0, 1], at_once=2)
