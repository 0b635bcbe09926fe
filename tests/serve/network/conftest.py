"""The network half on a port: stand-alone, or in front of a simulated network."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.network_room import Room, a_room
from support.serving import Clock
from support.upstream_room import a_network, in_front_of

from sp1tee.sim.network import SimNetwork


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with a_room(tmp_path) as room:
        yield room


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def network(clock: Clock) -> AsyncIterator[SimNetwork]:
    async with a_network(clock) as network:
        yield network


@pytest.fixture
async def front(network: SimNetwork, clock: Clock, tmp_path: Path) -> AsyncIterator[Room]:
    async with in_front_of(network, tmp_path, clock=clock) as room:
        yield room
