"""Asking several at once."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(call: Callable[[T], R], items: Sequence[T], *, at_once: int) -> tuple[R, ...]:
    """Call a function with each item; returns the results in the items' order.

    Whoever interrupts it waits for nobody: a pool of `concurrent.futures` would, even at the end of
    the program, for peers that keep silent.
    """
    results: list[Future[R]] = [Future() for _ in items]
    waiting = deque(zip(results, items, strict=True))

    def work() -> None:
        while True:
            try:
                result, item = waiting.popleft()
            except IndexError:
                return
            try:
                result.set_result(call(item))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                result.set_exception(error)

    for _ in range(min(at_once, len(items))):
        Thread(target=work, daemon=True).start()
    try:
        return tuple(result.result() for result in results)
    finally:
        waiting.clear()
