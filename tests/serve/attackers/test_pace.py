"""Calls without end: who makes too many is turned away, and kept out if it pays no heed."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

import grpc
import pytest
from grpc import aio
from serve.attackers.conftest import Attacked
from support.attacks import NONCE, Way, call_head, hurry, message, regret
from support.people import eventually

from sp1tee.serve.door.limits import Limits
from sp1tee.serve.door.pace import BURST_S, CONNECTION_BURST_S, Party
from sp1tee.serve.door.peers import Strangers, Trusted
from sp1tee.serve.door.visits import MOST_HELD, Visits
from sp1tee.serve.http import Event, Receive, Scope, Send
from sp1tee.serve.listener import Listener, bind

STRANGER, OTHER, PRIVATE = ("8.8.8.8", 1), ("9.9.9.9", 1), ("10.0.0.7", 1)
RATE = 4.0
BURST = int(RATE * BURST_S) + 1


class Asked:
    """An app behind the counting, and when it is asked."""

    def __init__(self, *, apart: bool = False) -> None:
        self.now = 1000.0
        self.held: list[float] = []
        self.visits = Visits(
            Strangers(Trusted()), RATE, apart=apart, clock=lambda: self.now, hold=self._hold
        )
        self._app = self.visits.around(_empty)

    async def _hold(self, seconds: float) -> None:
        self.held.append(seconds)

    async def status(self, client: tuple[str, int]) -> int:
        events: list[Event] = []

        async def send(event: Event) -> None:
            events.append(event)

        await self._app({"client": client, "method": "GET"}, _nothing, send)
        return int(events[0]["status"])

    async def statuses(self, client: tuple[str, int], many: int) -> list[int]:
        return [await self.status(client) for _ in range(many)]


async def _empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def _nothing() -> Event:
    return {}


def test_a_burst_then_an_even_rate() -> None:
    party = Party()
    assert [party.admits(0.0, RATE) for _ in range(BURST + 3)] == [True] * BURST + [False] * 3
    assert party.admits(1 / RATE, RATE)
    assert not party.admits(1 / RATE, RATE)
    assert party.refused == 4
    assert all(party.admits(1 + n / RATE, RATE) for n in range(1000))


@pytest.mark.anyio
async def test_a_stranger_s_connections_are_counted_together_and_others_are_not_held_up():
    asked = Asked()
    own = [("8.8.8.8", port) for port in range(BURST + 1)]
    assert [await asked.status(client) for client in own] == [204] * BURST + [429]
    assert await asked.status(OTHER) == 204
    asked.now += 1 / RATE
    assert await asked.status(STRANGER) == 204


@pytest.mark.anyio
async def test_a_trusted_peer_s_calls_are_many_people_s_and_not_counted():
    asked = Asked()
    assert set(await asked.statuses(PRIVATE, 10 * BURST)) == {204}


@pytest.mark.anyio
async def test_connections_of_a_trusted_peer_can_be_told_apart():
    asked = Asked(apart=True)
    burst = int(RATE * CONNECTION_BURST_S) + 1
    assert await asked.statuses(PRIVATE, burst + 1) == [204] * burst + [429]
    assert await asked.status(("10.0.0.7", 2)) == 204
    asked.now += 1 / RATE
    assert await asked.status(PRIVATE) == 204


@pytest.mark.anyio
async def test_whoever_asks_for_too_much_waits_and_at_most_so_many_do():
    asked, waiting, go = Asked(), 0, asyncio.Event()

    async def hold(_seconds: float) -> None:
        nonlocal waiting
        waiting += 1
        await go.wait()

    await asked.statuses(STRANGER, BURST)
    asked.visits._hold = hold
    turned_away = [asyncio.ensure_future(asked.status(STRANGER)) for _ in range(MOST_HELD + 1)]
    first = await next(asyncio.as_completed(turned_away))
    assert (first, waiting) == (429, MOST_HELD)
    turned_away[0].cancel()
    go.set()
    answers = await asyncio.gather(*turned_away[1:])
    assert set(answers) == {429}
    assert await asked.status(STRANGER) == 429


@pytest.mark.anyio
async def test_whoever_leaves_and_comes_back_has_no_new_allowance():
    asked = Asked()
    await asked.statuses(STRANGER, BURST)
    asked.visits.forget(set())
    assert await asked.status(STRANGER) == 429
    asked.visits.deaf(0)
    asked.now += BURST_S + 1 / RATE
    asked.visits.forget(set())
    assert await asked.statuses(STRANGER, BURST) == [204] * BURST


@pytest.mark.anyio
async def test_coming_anew_for_every_call_gives_no_new_allowance():
    asked = Asked()
    answers = []
    for port in range(2 * BURST):
        answers.append(await asked.status(("8.8.8.8", port)))
        asked.visits.forget(set())
    assert answers == [204] * BURST + [429] * BURST


@pytest.mark.anyio
async def test_who_pays_no_heed_is_found_once_for_each_time():
    asked = Asked()
    await asked.statuses(STRANGER, BURST + 11)
    assert {str(peer) for peer in asked.visits.deaf(10)} == {"8.8.8.8"}
    assert asked.visits.deaf(10) == set()
    await asked.statuses(STRANGER, 10)
    assert asked.visits.deaf(10) == set()


@pytest.mark.anyio
async def test_a_grpc_client_is_told_to_try_again():
    bound = bind("listen", "127.0.0.1:0")
    limits = Limits(calls_per_s=0.1, trusted=Trusted.of(["192.0.2.1"]))
    listener = Listener(bound, _empty, (), limits)
    await listener.start()
    async with aio.insecure_channel(f"127.0.0.1:{bound.getsockname()[1]}") as channel:
        codes = []
        for _ in range(3):
            with pytest.raises(aio.AioRpcError) as caught:
                await channel.unary_unary("/any/method")(b"")
            codes.append(caught.value.code())
    # Nothing here speaks gRPC: what is not turned away fails in another way.
    assert codes[0] is not grpc.StatusCode.UNAVAILABLE
    assert codes[2] is grpc.StatusCode.UNAVAILABLE
    await listener.stop()


async def _ten(attack: Callable[[], Coroutine[None, None, None]]) -> None:
    await asyncio.gather(*(attack() for _ in range(10)))


HASTE: dict[str, Callable[[Way], Coroutine[None, None, None]]] = {
    "calls as fast as they are answered, on ten connections": lambda way: _ten(
        lambda: hurry(way, call_head(NONCE), message(b""))
    ),
    "calls that are taken back, on ten connections at a time": lambda way: _ten(
        lambda: regret(way)
    ),
}


@pytest.mark.parametrize("name", HASTE)
def test_calls_without_end_end_at_a_closed_door(attacked: Attacked, name: str):
    way = Way(attacked.way.host, attacked.way.port, f"127.0.0.{10 + list(HASTE).index(name)}")
    before = attacked.resident()

    async def attack() -> None:
        hurrying = asyncio.ensure_future(HASTE[name](way))
        await asyncio.to_thread(eventually, lambda: way.is_kept_out() or None, "its being kept out")
        hurrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hurrying

    asyncio.run(attack())
    assert attacked.serves()
    assert attacked.resident() - before < 64 << 20
