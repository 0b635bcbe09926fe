"""A simulated network and its two peers."""

from collections.abc import AsyncIterator

import pytest
from support.network_peer import Clock, Peer
from support.wire_data import key

from sp1tee.sim.network import SimNetwork, SimSettings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> SimSettings:
    """What a test's network is set up with; tests override this."""
    return SimSettings(fulfiller=key("test_key_2").address)


@pytest.fixture
async def sim(settings: SimSettings, clock: Clock) -> AsyncIterator[SimNetwork]:
    async with SimNetwork(settings, clock=clock) as network:
        yield network


@pytest.fixture
async def requester(sim: SimNetwork) -> AsyncIterator[Peer]:
    async with Peer(sim.url, key("test_key_1")) as peer:
        yield peer


@pytest.fixture
async def fulfiller(sim: SimNetwork) -> AsyncIterator[Peer]:
    async with Peer(sim.url, key("test_key_2")) as peer:
        yield peer
