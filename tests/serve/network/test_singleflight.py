"""Many who want one thing get it from one piece of work."""

import asyncio

import pytest

from sp1tee.serve.singleflight import SingleFlight

pytestmark = pytest.mark.anyio


class Work:
    """Counts how often it is done; ends when told to."""

    def __init__(self) -> None:
        self.done = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.done += 1
        await self.may_end.wait()
        return self.done


async def test_those_who_come_meanwhile_share_the_work() -> None:
    flights, work = SingleFlight[str, int](), Work()
    waiting = [asyncio.create_task(flights.run("key", work)) for _ in range(5)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await asyncio.gather(*waiting) == [1] * 5


async def test_those_who_come_later_start_anew() -> None:
    flights, work = SingleFlight[str, int](), Work()
    work.may_end.set()
    assert [await flights.run("key", work), await flights.run("key", work)] == [1, 2]


async def test_the_work_goes_on_when_who_started_it_hangs_up() -> None:
    flights, work = SingleFlight[str, int](), Work()
    first = asyncio.create_task(flights.run("key", work))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    second = asyncio.create_task(flights.run("key", work))
    work.may_end.set()
    assert await second == 1


async def test_an_error_reaches_everybody_and_is_forgotten() -> None:
    flights, tried = SingleFlight[str, int](), []

    async def fail() -> int:
        tried.append(1)
        await asyncio.sleep(0)
        raise ValueError("no")

    outcomes = await asyncio.gather(
        flights.run("key", fail), flights.run("key", fail), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    assert len(tried) == 1
    with pytest.raises(ValueError, match="no"):
        await flights.run("key", fail)


async def test_closing_ends_what_is_under_way() -> None:
    flights, work = SingleFlight[str, int](), Work()
    task = flights.launch("key", work)
    await asyncio.sleep(0)
    await flights.aclose()
    assert task.cancelled()
    assert "key" not in flights
