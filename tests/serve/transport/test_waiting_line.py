"""Who is woken when there is something to do."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.serving import record

from sp1tee.serve.registry import Registry
from sp1tee.serve.waiting_line import WaitingLine
from sp1tee.store.records import Capability, State

pytestmark = pytest.mark.anyio

V6 = "sp1-v6.1.0"
ABLE = (Capability(V6, frozenset({2}), mock=False),)
OTHER = (Capability(V6, frozenset({4}), mock=False),)


@dataclass
class Work:
    """Requests that are ready, and how often workers looked for them."""

    line: WaitingLine = field(default_factory=WaitingLine)
    ready: list[str] = field(default_factory=list)
    looks: list[str] = field(default_factory=list)

    def offer(self, key: str) -> None:
        self.ready.append(key)
        self.line.changed(record(key=key, state=State.QUEUED, version=V6, mode=2))

    def worker(
        self,
        name: str,
        seconds: float = 60,
        able: tuple[Capability, ...] = ABLE,
        keys: frozenset[bytes] = frozenset(),
    ) -> "asyncio.Task[Any]":
        async def take() -> Any:
            self.looks.append(name)
            await asyncio.sleep(0)
            return self.ready.pop(0) if self.ready and able is ABLE else None

        return asyncio.create_task(self.line.wait(able, seconds, take, keys))


async def settle() -> None:
    """Let everything happen that can happen now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_is_ready_is_taken_at_once():
    work = Work(ready=["one"])
    assert await work.worker("a") == "one"


async def test_each_request_wakes_one_worker_the_first_in_line():
    work = Work()
    a, b, c = (work.worker(name) for name in "abc")
    await settle()
    work.looks.clear()
    work.offer("one")
    work.offer("two")
    await settle()
    assert work.looks == ["a", "b"]
    assert (a.result(), b.result()) == ("one", "two")
    assert not c.done()
    work.line.close()
    assert await c is None


async def test_a_worker_that_has_the_program_set_up_is_woken_before_those_in_front_of_it():
    work = Work()
    program = record().vk_hash
    cold, other, warm = (
        work.worker("cold"),
        work.worker("other", keys=frozenset({b"another program".ljust(32)})),
        work.worker("warm", keys=frozenset({program})),
    )
    await settle()
    work.looks.clear()
    for key in ("one", "two", "three"):
        work.offer(key)
    await settle()
    assert work.looks == ["warm", "cold", "other"]
    assert (warm.result(), cold.result(), other.result()) == ("one", "two", "three")


async def test_a_worker_that_cannot_do_it_is_not_woken_because_it_has_the_program_set_up():
    work = Work()
    unable = work.worker("unable", able=OTHER, keys=frozenset({record().vk_hash}))
    able = work.worker("able")
    await settle()
    work.looks.clear()
    work.offer("one")
    assert await able == "one"
    assert work.looks == ["able"]
    unable.cancel()


async def test_a_worker_that_cannot_do_it_sleeps_on():
    work = Work()
    other = work.worker("other", able=OTHER)
    able = work.worker("able")
    await settle()
    work.looks.clear()
    work.offer("one")
    assert await able == "one"
    assert work.looks == ["able"]
    other.cancel()


async def test_what_becomes_ready_while_a_worker_looks_is_not_missed():
    work = Work()
    a = work.worker("a")
    await asyncio.sleep(0)
    work.line.changed(record(state=State.QUEUED, version=V6, mode=2))
    await settle()
    work.ready.append("late")
    assert work.looks == ["a", "a"]
    a.cancel()


async def test_a_woken_worker_that_goes_away_wakes_the_next():
    work = Work()
    a, b = work.worker("a"), work.worker("b")
    await settle()
    work.offer("one")
    a.cancel()
    assert await b == "one"


async def test_a_woken_worker_that_may_not_take_it_wakes_the_next():
    class NotThisOneError(Exception):
        """It lost the right to work while it waited."""

    work, may = Work(), [True]

    async def refused() -> Any:
        if not may:
            raise NotThisOneError

    a = asyncio.create_task(work.line.wait(ABLE, 60, refused))
    await settle()
    b = work.worker("b")
    await settle()
    may.clear()
    work.offer("one")
    assert await b == "one"
    with pytest.raises(NotThisOneError):
        await a


async def test_a_worker_whose_time_is_over_leaves_with_nothing():
    work = Work()
    assert await work.worker("a", seconds=0.01) is None
    assert await work.worker("b", seconds=0) is None


async def test_other_changes_wake_nobody():
    work = Work()
    a = work.worker("a")
    await settle()
    for state in State:
        if state is not State.QUEUED:
            work.line.changed(record(state=state, version=V6, mode=2))
    await settle()
    assert work.looks == ["a"]
    a.cancel()


async def test_a_closed_line_sends_everybody_away():
    work = Work(ready=["one"])
    work.line.close()
    assert await work.worker("a") is None
    assert work.looks == []


async def test_workers_are_forgotten_some_time_after_they_fall_silent():
    now = [100.0]
    registry = Registry(keep_s=10, clock=lambda: now[0])
    registry.leases("a", ABLE)
    registry.beats("unknown")
    assert registry.capabilities() == frozenset(ABLE)
    now[0] += 9
    registry.beats("a")
    now[0] += 9
    assert [seen.worker for seen in await registry.workers()] == ["a"]
    now[0] += 2
    assert registry.capabilities() == frozenset()


async def test_no_more_than_some_thousand_workers_are_remembered():
    registry = Registry(keep_s=10)
    for number in range(4200):
        registry.leases(f"worker-{number}", ABLE)
    names = [seen.worker for seen in await registry.workers()]
    assert len(names) == 4096
    assert names[-1] == "worker-4199"


def test_the_more_workers_there_are_the_less_often_each_is_asked_to_look():
    registry = Registry(keep_s=10)
    assert registry.look_again_s == 0
    for number in range(1000):
        registry.leases(f"worker-{number}", ABLE)
    assert registry.look_again_s == 5
